"""Attacks by injected text: published templates around nine goals, and published collections."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.journeys.conftest import shared

USER, MODEL = "Emma Johnson", "the assistant"
CODE = "CNR-7731-QX"


@dataclass(frozen=True, slots=True)
class Attack:
    """A text that orders something; `goal` and `template` are the published names."""

    template: str
    goal: str
    text: str

    @property
    def line(self) -> str:
        """The same on one line, for places that have only one."""
        return " ".join(self.text.split())


def templated(**places: str) -> list[Attack]:
    """Every template around every goal, which names these `places`."""
    given = _read(shared("security") / "injection-templates/templates.json")
    known = {"canary": CODE, "user": USER, "model": MODEL, **places}
    return [
        Attack(template, goal, _filled(text, {**known, "goal": _filled(order, known)}))
        for template, text in given["templates"].items()
        for goal, order in given["canary_goals"].items()
    ]


def of_bipia() -> dict[str, list[str]]:
    """The attacks of the test set: 75 on texts, 50 on code."""
    found: dict[str, list[str]] = {}
    for kind in ("text", "code"):
        listed = _read(shared("security") / f"bipia/benchmark/{kind}_attack_test.json")
        found[kind] = [attack for attacks in listed.values() for attack in attacks]
    return found


def emails() -> list[tuple[str, str]]:
    """The 50 e-mails of BIPIA's test set, each with the question about it."""
    lines = (shared("security") / "bipia/benchmark/email/test.jsonl").read_text("utf-8")
    read = [json.loads(line) for line in lines.splitlines()]
    return [(one["context"], one["question"].removeprefix("Q: ")) for one in read]


def indirect() -> list[str]:
    """The 55 texts of PurpleLlama that carry an order inside of something submitted."""
    (path,) = shared("security").rglob("prompt_injection.json")
    return [one["user_input"] for one in _read(path) if one["injection_type"] == "indirect"]


def poisoned() -> dict[str, list[dict[str, Any]]]:
    """PoisonedRAG: 100 questions of each of three sets, with five false texts each."""
    folder = shared("security") / "poisonedrag/results/adv_targeted_results"
    return {path.stem: list(_read(path).values()) for path in sorted(folder.glob("*.json"))}


def corpus(**places: str) -> Iterator[str]:
    """Every attack of the collections, whatever it wants."""
    for name in ("text_attack_test", "text_attack_train", "code_attack_test", "code_attack_train"):
        for attacks in _read(shared("security") / f"bipia/benchmark/{name}.json").values():
            yield from attacks
    (prompts,) = shared("security").rglob("prompt_injection.json")
    yield from (str(one["user_input"]) for one in _read(prompts))
    for questions in poisoned().values():
        for one in questions:
            yield from one["adv_texts"]
    yield from (one.text for one in templated(**places))


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
