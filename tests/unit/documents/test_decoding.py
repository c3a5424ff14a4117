"""Bytes become the text that their writer saw, or are refused."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from citewell.documents.parsers.decoding import decode, without_controls
from citewell.domain.errors import DocumentError

GERMAN = "Die schöne Frau hat einen Kaffee getrunken. Der Preis betrug 15,50 €.\n" * 3
JAPANESE = "名前,年齢,住所\nさとうたろう,30,東京\n" * 3
RUSSIAN = "Все счастливые семьи похожи друг на друга.\n" * 3
CHINESE = "所有的文件都在这里。我们可以回答您的问题。\n" * 3
KOREAN = "모든 문서는 여기에 있습니다. 질문에 답할 수 있습니다.\n" * 3


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"]
)
def test_unicode_text_survives_in_every_encoding(encoding: str) -> None:
    assert decode(GERMAN.encode(encoding)).text == GERMAN


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        (GERMAN, "cp1252", "Windows-1252"),
        (JAPANESE, "cp932", "Shift-JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (RUSSIAN, "cp1251", "Windows-1251"),
        (CHINESE, "gb18030", "GB18030"),
        (KOREAN, "euc_kr", "EUC-KR"),
    ],
)
def test_a_legacy_encoding_is_recognised_and_named_in_a_warning(
    text: str, encoding: str, name: str
) -> None:
    decoded = decode(text.encode(encoding))
    assert decoded.text == text
    assert name in decoded.warning


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 4,
        b"text with a \x00 in it",
        b"\xff\xfe\x00\xd8\x00\xd8",
        b"\x01\x02\x03\x04\x05\x06" * 50,
        b"\xef\xbb\xbf\xff\xff",
    ],
)
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(DocumentError) as caught:
        decode(data)
    assert caught.value.reason == "encoding"
    assert "UTF-8" in caught.value.hint


def test_line_ends_become_line_feeds_and_nothing_else_changes() -> None:
    assert decode(b"\xef\xbb\xbfa\r\nb\rc\n\td \xc2\xad\n").text == "a\nb\nc\n\td \u00ad\n"


def test_one_control_character_in_fifty_is_still_text_and_one_in_forty_nine_is_not() -> None:
    assert decode(b"\x1f" + b"a" * 49).text == "\x1f" + "a" * 49
    with pytest.raises(DocumentError, match="no text"):
        decode(b"\x1f" + b"a" * 48)


@given(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])))
def test_utf_8_text_is_never_altered(text: str) -> None:
    text = text.removeprefix("\ufeff")
    # Text that consists of control characters is taken for what it looks like.
    assume(sum(char < " " or char == "\x7f" for char in text) <= len(text.encode()) / 50)
    assert decode(text.encode()).text == text


@given(st.text())
def test_cleaned_text_can_be_stored_by_a_database(text: str) -> None:
    cleaned = without_controls(text)
    assert "\0" not in cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
