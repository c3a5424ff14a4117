"""A sealed file is read as it was written, or not past the first thing that is wrong with it."""

import io
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.domain.errors import DamagedError
from citewell.storage.sealing.records import TAG_BYTES, DataKey
from citewell.storage.sealing.segments import (
    FOOTER_BYTES,
    SEGMENT_BYTES,
    FileSealer,
    sealing_key,
    unsealed,
)

KEY = DataKey(UUID(int=7), bytes(range(32)))
STORED = SEGMENT_BYTES + TAG_BYTES
PLAIN = bytes(range(256)) * (3 * SEGMENT_BYTES // 256) + b"the end"


def seal(plain: bytes, place: str = "here", *, at_once: int = 100_000) -> bytes:
    sealer = FileSealer(place)
    written = bytearray()
    for start in range(0, len(plain), at_once):
        written += sealer.update(plain[start : start + at_once])
    return bytes(written) + sealer.finish(KEY)


def unseal(sealed: bytes, place: str = "here") -> bytes:
    return b"".join(unsealed(io.BytesIO(sealed), place, lambda _: KEY))


@given(st.sampled_from([0, 1, 2, 3]), st.integers(-2, 2), st.sampled_from([1_000, 65_536, 10**6]))
def test_a_file_of_any_size_comes_back(segments: int, beyond: int, at_once: int) -> None:
    plain = PLAIN[: max(0, segments * SEGMENT_BYTES + beyond)]
    sealed = seal(plain, at_once=at_once)
    assert unseal(sealed) == plain
    assert sealing_key(io.BytesIO(sealed), "here") == KEY.id
    assert len(sealed) == len(plain) + FOOTER_BYTES + TAG_BYTES * max(1, -(-len(plain) // 65_536))


def test_two_files_with_the_same_content_have_nothing_in_common() -> None:
    assert seal(PLAIN)[:STORED] != seal(PLAIN)[:STORED]


SEALED = seal(PLAIN)
BODY, FOOTER = SEALED[:-FOOTER_BYTES], SEALED[-FOOTER_BYTES:]
PARTS = [BODY[start : start + STORED] for start in range(0, len(BODY), STORED)]
WRONG: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "only a footer": lambda: FOOTER,
    "cut in a segment": lambda: SEALED[:1000],
    "without the last segment": lambda: b"".join(PARTS[:-1]) + FOOTER,
    "without the first segment": lambda: b"".join(PARTS[1:]) + FOOTER,
    "without a middle segment": lambda: PARTS[0] + b"".join(PARTS[2:]) + FOOTER,
    "two segments exchanged": lambda: PARTS[1] + PARTS[0] + b"".join(PARTS[2:]) + FOOTER,
    "a segment twice": lambda: PARTS[0] + BODY + FOOTER,
    "the last segment twice": lambda: BODY + PARTS[-1] + FOOTER,
    "something after it": lambda: SEALED + b"x",
    "something before the footer": lambda: BODY + b"x" * 40 + FOOTER,
    "another file's footer": lambda: BODY + seal(PLAIN)[-FOOTER_BYTES:],
    "another file's segment": lambda: seal(PLAIN)[:STORED] + SEALED[STORED:],
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_is_not_what_was_sealed_does_not_open(what: str) -> None:
    with pytest.raises(DamagedError, match="here"):
        unseal(WRONG[what]())


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_no_byte_of_a_sealed_file_can_change(at: int, mask: int) -> None:
    changed = bytearray(SEALED)
    changed[at] ^= mask
    with pytest.raises(DamagedError):
        unseal(bytes(changed))


def test_a_file_moved_to_another_place_does_not_open() -> None:
    with pytest.raises(DamagedError):
        unseal(SEALED, "there")
