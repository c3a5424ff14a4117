"""A prompt holds the best passages that fit, and no document owns it."""

from citewell.agent.writing.choosing import SHARE, crowding, fitting, mixed
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


def test_others_are_added_until_no_document_has_more_than_its_share() -> None:
    loud = DocumentId(new_id())
    quiet = [passage(TEXT) for _ in range(2)]
    others = [passage(TEXT) for _ in range(20)]
    for count in range(1, 9):
        crowd = [passage(TEXT, document=loud) for _ in range(count)]
        shown = mixed([*crowd, *quiet], others)
        assert not crowding(shown)
        assert sum(one.document_id == loud for one in shown) == min(count, 6)
        assert len(shown) <= 16
        assert shown[: min(count, 6)] == tuple(crowd[:6])


def test_where_there_are_no_others_a_document_keeps_what_it_has() -> None:
    alone = DocumentId(new_id())
    every = [passage(TEXT, document=alone) for _ in range(8)]
    assert crowding(every) == (alone,)
    assert mixed(every, []) == tuple(every)
    assert mixed(every, [passage(TEXT)]) == tuple(every)


def test_the_others_may_not_be_one_documents_either() -> None:
    loud, second = DocumentId(new_id()), DocumentId(new_id())
    crowd = [passage(TEXT, document=loud) for _ in range(5)]
    others = [passage(TEXT, document=second) for _ in range(20)]
    shown = mixed(crowd, [*others, *(passage(TEXT) for _ in range(9))])
    assert not crowding(shown)
    assert sum(one.document_id == second for one in shown) <= SHARE * len(shown)
