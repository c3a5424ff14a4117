"""The rule of S11: no effect without a person, once others' words may have asked for it."""

from itertools import chain, combinations, product

import pytest

from citewell.agent.tools.contract import Label
from citewell.agent.tools.permission import Circumstances, Verdict, digest, verdict

ARGUMENTS = {"to": "ada@example.org", "text": "hello"}
MINE = digest("send", ARGUMENTS, "run-1")
SETS = [set(one) for one in chain(*(combinations(Label, n) for n in range(len(Label) + 1)))]


def judged(labels: set[Label], **known: bool) -> Verdict:
    approved = frozenset({MINE}) if known.pop("approved", False) else frozenset()
    return verdict(labels, MINE, Circumstances(approved=approved, **known))


@pytest.mark.parametrize("untrusted", [True, False])
@pytest.mark.parametrize("can_ask", [True, False])
@pytest.mark.parametrize("labels", [set(), {Label.READ}])
def test_what_only_reads_or_computes_always_runs(
    labels: set[Label], can_ask: bool, untrusted: bool
) -> None:
    assert judged(labels, untrusted=untrusted, can_ask=can_ask) is Verdict.RUN


def test_after_others_words_nothing_with_an_effect_runs_without_approval() -> None:
    for labels, can_ask in product(SETS, [True, False]):
        found = judged(labels, untrusted=True, can_ask=can_ask)
        effect = labels & {Label.WRITE, Label.EGRESS, Label.CROSS_SCOPE}
        assert (found is Verdict.RUN) == (not effect), labels
        if effect:
            assert found is (Verdict.ASK if can_ask else Verdict.OFF)


@pytest.mark.parametrize("label", [Label.WRITE, Label.CROSS_SCOPE])
def test_a_change_needs_a_person_whatever_was_read(label: Label) -> None:
    assert judged({label}, untrusted=False, can_ask=True) is Verdict.ASK
    assert judged({label}, untrusted=False, can_ask=False) is Verdict.OFF


def test_a_run_that_has_read_nothing_has_nothing_to_carry_away() -> None:
    assert judged({Label.READ, Label.EGRESS}, untrusted=False) is Verdict.RUN


def test_what_a_person_approved_of_runs() -> None:
    for labels in SETS:
        assert judged(labels, untrusted=True, approved=True) is Verdict.RUN


@pytest.mark.parametrize(
    "other",
    [
        digest("delete", ARGUMENTS, "run-1"),
        digest("send", ARGUMENTS, "run-2"),
        digest("send", {**ARGUMENTS, "to": "eve@example.org"}, "run-1"),
        digest("send", {**ARGUMENTS, "copy": ""}, "run-1"),
        digest("send", {"to": ["ada@example.org"], "text": "hello"}, "run-1"),
        digest("send", {}, "run-1"),
        digest('send","{}', {}, "run-1"),
        "",
    ],
)
def test_an_approval_is_of_no_use_for_anything_else(other: str) -> None:
    assert other != MINE
    asked = Circumstances(untrusted=True, approved=frozenset({MINE}), can_ask=True)
    assert verdict({Label.WRITE}, other, asked) is Verdict.ASK


def test_the_order_of_arguments_changes_nothing_that_was_approved() -> None:
    assert digest("send", dict(reversed(ARGUMENTS.items())), "run-1") == MINE
