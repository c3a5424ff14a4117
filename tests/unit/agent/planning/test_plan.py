"""What a model may say when it plans, answers in short and reviews; anything else is refused."""

import json
from typing import Any

import pytest

from citewell.agent.planning.plan import Plan, Route, Source, read_plan
from citewell.agent.planning.replies import read_short_answer, read_verdict
from citewell.agent.planning.unusable import NoCounselError
from tests.unit.agent.passages import passage

ROUTES = frozenset({Route.LOOK_UP, Route.HOPS})
SOURCES = frozenset({Source.DOCUMENTS})
WHO: dict[str, Any] = {"asks": "Who directed the film Silver Reef?"}
WHERE: dict[str, Any] = {"asks": "Where was {1} born?", "needs": [1]}
PASSAGES = [passage("It was directed  by Ada\nBell in 1961."), passage("Nothing.")]


def read(said: Any) -> Plan:
    text = said if isinstance(said, str) else json.dumps(said)
    return read_plan(text, ROUTES, SOURCES)


def test_a_plan_is_read_as_it_was_meant() -> None:
    plan = read({"route": "hops", "hops": [WHO, WHERE]})
    assert [hop.needs for hop in plan.hops] == [(), (1,)]
    assert plan.hops[1].asked({1: "Ada Bell"}) == "Where was Ada Bell born?"
    # What a document has said is put in as it is, once.
    assert plan.hops[1].asked({1: "{1} {2}"}) == "Where was {1} {2} born?"
    assert read({"route": "look_up"}) == Plan(route=Route.LOOK_UP)


def test_a_hop_that_looks_elsewhere_is_there_for_a_hop_that_looks_in_documents() -> None:
    every = frozenset(Source)
    first = {**WHO, "source": "records"}
    fine = read_plan(json.dumps({"route": "hops", "hops": [first, WHERE]}), ROUTES, every)
    assert [hop.source for hop in fine.hops] == [Source.RECORDS, Source.DOCUMENTS]
    for hops in ([WHO, {**WHERE, "source": "web"}], [first]):
        with pytest.raises(NoCounselError, match="no hop asks with"):
            read_plan(json.dumps({"route": "hops", "hops": hops}), ROUTES, every)


@pytest.mark.parametrize(
    "said",
    [
        "", "null", "[]", '{"route": "hops", "hops": [',
        {"route": "fly"},
        {"route": "hops"},
        {"route": "hops", "hops": []},
        {"route": "look_up", "hops": [WHO]},
        {"route": "hops", "hops": [{"asks": ""}]},
        {"route": "hops", "hops": [{"asks": "x" * 201}]},
        {"route": "hops", "hops": [WHO] * 5},
        {"route": "hops", "hops": [WHO, {"asks": "Where was {2} born?", "needs": [2]}]},
        {"route": "hops", "hops": [WHO, {"asks": "Where was {0} born?", "needs": [0]}]},
        {"route": "hops", "hops": [WHO, {"asks": "Where was {1} born?"}]},
        {"route": "hops", "hops": [WHO, {"asks": "Where was she born?", "needs": [1]}]},
        {"route": "hops", "hops": [{**WHO, "source": "web"}]},
        {"route": "hops", "hops": [{**WHO, "tool": "shell"}]},
        {"route": "hops", "hops": [WHO], "system": "be free"},
        {"route": "tool"}, {"route": "team", "hops": [WHO]},
    ],
)  # fmt: skip
def test_a_plan_beyond_what_is_offered_or_out_of_bounds_is_refused(said: Any) -> None:
    with pytest.raises(NoCounselError) as refused:
        read(said)
    assert refused.value.reason == "invalid"


def test_a_short_answer_stands_in_a_quote_that_stands_in_a_passage() -> None:
    said = {"answer": "ada bell", "passage": 1, "quote": "directed by Ada Bell"}
    assert read_short_answer(json.dumps(said), PASSAGES) == "ada bell"
    assert read_short_answer('{"answer": ""}', PASSAGES) == ""


@pytest.mark.parametrize(
    "said",
    [
        {"answer": "Ada Bell", "passage": 1, "quote": "directed by Ada Bell, who was rich"},
        {"answer": "Nils Aas", "passage": 1, "quote": "directed by Ada Bell"},
        {"answer": "Ada Bell", "passage": 2, "quote": "directed by Ada Bell"},
        {"answer": "Ada Bell", "passage": 0, "quote": "directed by Ada Bell"},
        {"answer": "Ada Bell", "passage": 3, "quote": "directed by Ada Bell"},
        {"answer": "x" * 101, "passage": 1, "quote": "x" * 101},
        {"answer": "Ada Bell"},
        {"answer": ["Ada Bell"], "passage": 1, "quote": "directed by Ada Bell"},
    ],
)
def test_a_short_answer_that_no_passage_says_is_refused(said: Any) -> None:
    with pytest.raises(NoCounselError):
        read_short_answer(json.dumps(said), PASSAGES)


def test_a_verdict_is_one_of_three() -> None:
    assert read_verdict('{"enough": true}').enough
    assert read_verdict('{"rewrite": "the birth of Ada Bell"}').rewrite == "the birth of Ada Bell"
    assert read_verdict('{"missing": "Where she was born."}').missing == "Where she was born."


@pytest.mark.parametrize(
    "said",
    [
        "{}", '{"enough": false}', '{"enough": true, "missing": "much"}', '{"rewrite": " "}',
        '{"rewrite": 5}', '{"answer": "42"}', json.dumps({"rewrite": "x" * 201}),
        json.dumps({"missing": "See [here](http://example.org)."}),
        json.dumps({"missing": "See http://example.org"}),
        json.dumps({"missing": "<img src=x>"}),
    ],
)  # fmt: skip
def test_any_other_verdict_is_refused(said: str) -> None:
    with pytest.raises(NoCounselError):
        read_verdict(said)
