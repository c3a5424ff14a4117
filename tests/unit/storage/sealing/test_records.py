"""A sealed value opens whole, in its place, with its key; anything else is refused."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.domain.errors import DamagedError, UnavailableError
from citewell.domain.ids import TenantId
from citewell.storage.sealing.records import DataKey, key_of
from citewell.storage.sealing.seal import Seal, TenantKeys

KEY = DataKey(UUID(int=7), bytes(range(32)))
OTHER = DataKey(UUID(int=8), bytes(range(1, 33)))
TENANT = TenantId(UUID(int=1))
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def seal_of(tenant: TenantId = TENANT, *, complete: bool = True, key: DataKey = KEY) -> Seal:
    return Seal(tenant, TenantKeys(key, {key.id: key}, complete))


@given(WORDS, st.dictionaries(WORDS, JSON), st.lists(WORDS))
def test_whatever_is_sealed_comes_back_exactly(
    text: str, value: dict[str, object], words: list[str]
) -> None:
    seal = seal_of()
    assert seal.open_text("a.b", 1, seal.text("a.b", 1, text)) == text
    assert seal.open_json("a.b", 1, seal.json("a.b", 1, value)) == value
    assert seal.open_words("a.b", 1, seal.words("a.b", 1, words)) == words


@given(st.text(min_size=8))
def test_a_text_is_never_sealed_to_the_same_bytes_twice(text: str) -> None:
    seal = seal_of()
    assert seal.text("a.b", 1, text) != seal.text("a.b", 1, text)


@given(st.binary(max_size=40), st.data())
def test_no_byte_of_a_sealed_value_can_change(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(KEY.seal(plain, "here"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedError, match="here"):
        KEY.open(bytes(sealed), "here")


@pytest.mark.parametrize("keep", [0, 11, 12, 27, 28, 31])
def test_a_value_that_was_cut_does_not_open(keep: int) -> None:
    with pytest.raises(DamagedError):
        KEY.open(KEY.seal(b"word", "here")[:keep], "here")


def test_a_value_moved_to_another_row_column_or_tenant_does_not_open() -> None:
    stored = seal_of().text("messages.text", 1, "the tide is at nine")
    for seal, column, row in (
        (seal_of(), "messages.text", 2),
        (seal_of(), "chunks.text", 1),
        (seal_of(TenantId(UUID(int=2))), "messages.text", 1),
    ):
        with pytest.raises(DamagedError):
            seal.open_text(column, row, stored)


def test_another_key_under_the_same_name_does_not_open() -> None:
    impostor = DataKey(KEY.id, OTHER.secret)
    with pytest.raises(DamagedError):
        seal_of(key=impostor).open_text("a.b", 1, seal_of().text("a.b", 1, "word"))


def test_a_key_that_is_not_there_is_named() -> None:
    with pytest.raises(UnavailableError, match=str(KEY.id)):
        seal_of(key=OTHER).open_text("a.b", 1, seal_of().text("a.b", 1, "word"))


def test_what_is_plain_is_refused_once_everything_is_sealed() -> None:
    complete, under_way = seal_of(), seal_of(complete=False)
    assert under_way.open_text("a.b", 1, "word") == "word"
    assert under_way.open_json("a.b", 1, {"a": 1}) == {"a": 1}
    assert under_way.open_words("a.b", 1, ["word"]) == ["word"]
    with pytest.raises(DamagedError):
        complete.open_text("a.b", 1, "word")
    with pytest.raises(DamagedError):
        complete.open_json("a.b", 1, {"a": 1})
    with pytest.raises(DamagedError):
        complete.open_words("a.b", 1, ["word"])


@pytest.mark.parametrize("text", ["", "cw1:", "cw1:" + "0a" * 16 + ":", "cw1:" + "z" * 32 + ":x"])
def test_a_plain_text_that_looks_sealed_is_read_as_it_is(text: str) -> None:
    """Until everything is sealed, nobody can have sealed it with a key that is not there."""
    seal = seal_of(complete=False)
    assert seal.open_text("a.b", 1, text) == text
    assert seal.open_text("a.b", 1, seal.text("a.b", 1, text)) == text
    assert seal.open_words("a.b", 1, [text]) == [text]


def test_without_keys_everything_passes_as_it_is() -> None:
    off = Seal(TENANT)
    assert off.text("a.b", 1, "word") == "word"
    assert off.open_json("a.b", 1, off.json("a.b", 1, {"a": 1})) == {"a": 1}
    with pytest.raises(UnavailableError):
        assert off.active is None


def test_a_sealed_text_names_its_key_and_nothing_else_of_it() -> None:
    stored = seal_of().text("a.b", 1, "word")
    assert key_of(stored) == KEY.id
    assert "word" not in stored
    assert KEY.secret.hex() not in repr(seal_of())
    assert repr(KEY.secret) not in repr(KEY)
