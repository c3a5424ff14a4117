"""S19: no text makes a pattern take more than linear time, or the text is short."""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from citewell.agent import splitting
from citewell.agent.planning import through
from citewell.telemetry import redaction
from tests.security.patterns.attacks import attacks
from tests.security.patterns.inventory import METHODS, inventory
from tests.security.patterns.measuring import LIMIT_SECONDS

pytestmark = pytest.mark.long

CHARS = 100_000
CPU_SECONDS, PATIENCE_SECONDS = 1_200, 1_500
ROOT = Path(__file__).parents[2]
EVIL = ROOT.parent / "shared/data/security/redos/Regular Expression/README.md"
CONTRACT = ROOT / "docs/reference/openapi.json"
SOURCE = ROOT / "src" / "citewell"
USED = re.compile(rf"\bre\.(?:compile|{'|'.join(METHODS)})\(")
# Names by which a pattern would come in unseen, and other machines for patterns.
ELSEWHERE = re.compile(
    r"^\s*(?:from (?:re|regex|fnmatch|sre_\w+) import|import (?:regex|fnmatch|re as)\b)",
    re.MULTILINE,
)
# Two that take quadratic time, which nobody calls evil and everybody writes.
SLOW = (r"a\s+b|[\s\S]*\s+x", r"(?:x|\w+-)*[^-]\w+-\w+-")


@dataclass(frozen=True, slots=True)
class Cap:
    """Where a pattern meets short texts only: how long, and a call that would show it others."""

    module: ModuleType
    name: str
    chars: int
    call: Callable[[str], object]

    @property
    def where(self) -> str:
        return f"{self.module.__name__}.{self.name}"


CAPS = (
    Cap(splitting, "_COMPARE", splitting.MOST_COMPARED, splitting.parts_of),
    *(
        Cap(through, name, through.MOST_CHARACTERS, through.through)
        for name in ("_POSSESSED", "_CLAUSE", "_EITHER")
    ),
    Cap(redaction, "_SECRET_TEXT", redaction.MAX_CHARS, lambda t: redaction.redacted("why", t)),
)


def measured(capped: Mapping[str, int], others: Sequence[str] = ()) -> list[list[Any]]:
    """Place, method, length, seconds and text of each, timed by a process that cannot run away."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))

    given = json.dumps([CHARS, capped, others])
    done = subprocess.run(
        [sys.executable, "-m", "tests.security.patterns.measuring", given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        preexec_fn=limit,
        check=False,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    last = told[-1][0] if told else "nothing"
    assert done.returncode == 0, f"{done.returncode} behind {last}: {done.stderr[-1_000:]}"
    return told


@pytest.mark.timeout(PATIENCE_SECONDS + 60)
def test_every_pattern_answers_the_worst_text_within_its_time() -> None:
    told = measured({cap.where: cap.chars for cap in CAPS})
    assert {place for place, *_ in told} == {asked.where for asked in inventory()}
    print(f"slowest: {max(told, key=lambda one: one[3])}")
    assert [one for one in told if one[3] > LIMIT_SECONDS] == []


def test_patterns_that_are_known_to_be_evil_are_found_out() -> None:
    examples = re.findall(r"^\* `(\(.+)`", EVIL.read_text("utf-8"), re.MULTILINE)
    evil = [one.replace("{x}", "{11}") for one in examples]
    assert len(evil) >= 5
    told = measured({}, [*evil, *SLOW])
    assert [place for place, *_, seconds, _ in told if seconds <= LIMIT_SECONDS] == []


def test_no_pattern_of_the_contract_runs_away_with_those_who_check_it() -> None:
    texts: list[str] = []

    def gather(node: dict[str, Any]) -> dict[str, Any]:
        texts.extend(one for key, one in node.items() if key == "pattern" and isinstance(one, str))
        return node

    json.loads(CONTRACT.read_text("utf-8"), object_hook=gather)
    assert len(set(texts)) >= 10
    told = measured({}, sorted(set(texts)))
    assert [one for one in told if one[3] > LIMIT_SECONDS] == []


def test_the_inventory_holds_named_and_nameless_patterns_with_what_is_asked_of_them() -> None:
    found = {asked.where: asked for asked in inventory()}
    assert found["citewell.domain.words.WORD"].methods >= {"findall"}
    assert found["citewell.documents.parsers.formats.pdf._TRAILING"].methods == {"sub"}
    assert any(":" in where for where in found)
    assert len(found) > 100


def test_no_pattern_stands_where_the_inventory_does_not_look() -> None:
    places = [asked.where for asked in inventory()]
    missed = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text("utf-8")
        module = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        found = sum(one.startswith((f"{module}.", f"{module}:")) for one in places)
        if found < len(USED.findall(text)) or ELSEWHERE.search(text):
            missed.append(module)
    assert missed == []


@dataclass(slots=True)
class Recorder:
    """Stands before a pattern and notes how long the texts are that it is asked about."""

    pattern: re.Pattern[str]
    lengths: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., object]:
        def asked(*args: Any) -> object:
            self.lengths.append(len(args[-1]))
            return getattr(self.pattern, name)(*args)

        return asked


@pytest.mark.parametrize("cap", CAPS, ids=lambda cap: cap.name)
def test_a_pattern_with_a_cap_meets_no_longer_text(
    cap: Cap, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(getattr(cap.module, cap.name))
    monkeypatch.setattr(cap.module, cap.name, recorder)
    for chars in (cap.chars, cap.chars + 1, CHARS):
        cap.call("x" * chars)
    assert recorder.lengths
    assert max(recorder.lengths) <= cap.chars


def test_attacks_lead_to_every_repetition_of_a_pattern() -> None:
    made = set(attacks(re.compile(r"<p\b[^>]*\sid=(\w+);")))
    assert ("<p", "a", "!") in made
    assert ("<pa id=", "a", "!") in made
    assert ("", "<pa id=", "") in made
