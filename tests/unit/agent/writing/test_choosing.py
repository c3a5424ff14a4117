"""A prompt holds the best passages that fit, and no document owns it."""

from citewell.agent.writing.choosing import SHARE, fitting
from citewell.domain.ids import DocumentId, new_id
from tests.unit.agent.passages import passage

TEXT = "x" * 297
TOKENS = 100


def test_as_many_as_fit_are_taken_in_their_order_and_one_always() -> None:
    every = [passage(TEXT) for _ in range(10)]
    assert fitting(every, 10 * TOKENS) == tuple(every)
    assert fitting(every, 4 * TOKENS + 50) == tuple(every[:4])
    assert fitting(every, 1) == tuple(every[:1])
    assert fitting([], 100) == ()
    wide = passage("語" * 100)
    assert fitting([wide, *every], 2 * TOKENS + 10) == (wide, every[0])


def test_a_document_has_no_more_than_its_share_of_a_small_prompt_either() -> None:
    loud = DocumentId(new_id())
    crowd = [passage(TEXT, document=loud) for _ in range(6)]
    quiet = [passage(TEXT) for _ in range(10)]
    for fit in (3, 5, 8, 10):
        shown = fitting([*crowd, *quiet], fit * TOKENS)
        assert len(shown) == fit
        assert sum(one.document_id == loud for one in shown) <= max(1, SHARE * fit)
        assert shown[0] is crowd[0]


def test_the_only_document_may_fill_the_prompt() -> None:
    alone = DocumentId(new_id())
    every = [passage(TEXT, document=alone) for _ in range(6)]
    assert fitting(every, 5 * TOKENS) == tuple(every[:5])
