"""Text from tokens: whole characters, spaces where they belong, nothing lost at the end."""

import random

import numpy as np
import pytest

from citewell.inference.local.spelling import MOST_PENDING, Speller


def of_bytes(ids: list[int]) -> str:
    """A tokenizer of bytes; 0 is special."""
    return bytes(one for one in ids if one).decode("utf-8", "replace")


def of_words(ids: list[int]) -> str:
    """A tokenizer whose first word has no space in front, as SentencePiece's."""
    return " ".join("abcdefghij"[one] for one in ids)


def told(ids: list[int], decode: object = of_bytes) -> list[str]:
    pieces: list[str] = []
    speller = Speller(decode, pieces.append)  # type: ignore[arg-type]  # of a parameter
    speller.put(np.array([[65, 66, 67]]))
    for one in ids:
        speller.put(np.array([one]))
    speller.end()
    return pieces


def test_the_prompt_is_not_told() -> None:
    assert told([]) == []


def test_each_token_is_told_at_once() -> None:
    assert told([*b"a|b"]) == ["a", "|", "b"]


@pytest.mark.parametrize("text", ["é", "日本", "🦜!", "a🦜é"])
def test_a_character_of_several_tokens_is_told_when_it_is_whole(text: str) -> None:
    assert told([*text.encode()]) == list(text)


def test_a_word_keeps_the_space_in_front_of_it() -> None:
    assert "".join(told([0, 1, 2, 2], of_words)) == "a b c c"


def test_special_tokens_have_no_text_and_hide_none() -> None:
    assert "".join(told([*b"ab", 0, 0, *b"c", 0])) == "abc"


def test_bytes_that_never_become_a_character_do_not_hold_up_the_rest() -> None:
    pieces = told([0xFF] * (MOST_PENDING * 2) + [*b"ab"])
    assert "".join(pieces).endswith("ab")
    assert len(pieces) > 2


def test_half_a_character_at_the_end_is_told_as_what_it_is() -> None:
    assert told([0xF0, 0x9F]) == ["\ufffd"]


def test_the_pieces_are_the_text_whatever_it_is(seed: int) -> None:
    drawn = random.Random(seed)
    for _ in range(50):
        text = "".join(drawn.choice("ab é日🦜|\n") for _ in range(40))
        assert "".join(told([*text.encode()])) == text
