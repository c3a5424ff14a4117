"""What the converter refuses is told in words that its user understands."""

import pytest

from citewell.documents.parsers.extraction import Extracted, extract
from citewell.documents.parsers.media import MEDIA_TYPES
from citewell.domain.errors import DocumentError


@pytest.mark.parametrize(
    ("kind", "data"), [("pdf", b"%PDF-1.7\ncut"), ("msg", b"\xd0\xcf\x11\xe0")]
)
def test_a_damaged_file_is_named_without_the_words_of_a_program(kind: str, data: bytes) -> None:
    with pytest.raises(DocumentError) as caught:
        extract(data, MEDIA_TYPES[kind], "plain")
    assert caught.value.reason == "corrupt"
    assert caught.value.message.startswith("The file is damaged and could not be read: ")
    assert "Error" not in caught.value.message
    assert caught.value.message.endswith(".")
    assert "save it again" in caught.value.hint


def test_metadata_is_kept_within_bounds() -> None:
    said = {"subject": "x" * 9_000, "authors": ["y" * 900] * 300, "producer": "z", "keywords": []}
    kept = Extracted("", (), said).kept
    assert {key: len(value) for key, value in kept.items()} == {"subject": 2_000, "authors": 100}
    assert {len(author) for author in kept["authors"]} == {500}
