"""Nodes: passages of several searches in one list, and pieces of an answer as it streams."""

from citewell.agent.looks.joining import MOST_PASSAGES, capped, joined
from citewell.agent.nodes.answer import _pieces
from citewell.domain.ids import DocumentId, new_id
from citewell.domain.passages import Passage, SearchResult
from tests.unit.agent.passages import passage


def result(*passages: Passage) -> SearchResult:
    return SearchResult(passages, {}, {})


def test_searches_take_turns_and_no_passage_comes_twice() -> None:
    a, b, c, d = (passage(f"Text {n}.") for n in range(4))
    assert joined([result(a, b), result(c, a, d)]) == (a, c, b, d)
    assert joined([result(), result(c)]) == (c,)
    assert joined([result()]) == joined([]) == ()


def test_no_document_crowds_out_the_others() -> None:
    loud = DocumentId(new_id())
    crowd = [passage(f"Loud {n}.", document=loud) for n in range(8)]
    quiet = [passage(f"Quiet {n}.") for n in range(8)]
    found = capped([*crowd, *quiet])
    assert sorted(p.text for p in found) == sorted(p.text for p in [*crowd, *quiet])
    ahead = found[: len(quiet) + 6]
    assert {p.text for p in quiet} <= {p.text for p in ahead}
    assert found[0] == crowd[0]
    assert sum(p.document_id == loud for p in ahead) <= 0.5 * len(ahead)


def test_the_only_document_may_fill_the_list() -> None:
    alone = DocumentId(new_id())
    every = [passage(f"Text {n}.", document=alone) for n in range(6)]
    assert list(capped(every)) == every


def test_the_list_has_an_end() -> None:
    many = result(*(passage(f"Text {n}.") for n in range(MOST_PASSAGES * 2)))
    assert len(joined([many, many])) == MOST_PASSAGES


def test_an_answer_streams_unit_by_unit_and_loses_nothing() -> None:
    text = "First. [1] Second. [2]"
    assert _pieces(text, [6, 18]) == ["First.", " [1] Second.", " [2]"]
    assert _pieces("", []) == []
