"""What a file is follows from its content first and its name second."""

import pytest

from citewell.documents.parsers.media import MEDIA_TYPES, detect, is_supported_name
from citewell.domain.errors import DocumentError

ZIP = b"PK\x03\x04\x14\x00\x06\x00\x08\x00"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("filename", "head", "kind"),
    [
        ("a.pdf", b"%PDF-1.7\n", "pdf"),
        ("a.PDF", b"junk before\n%PDF-1.7\n", "pdf"),
        ("a.docx", ZIP, "docx"),
        ("a.epub", ZIP, "epub"),
        ("a.rtf", b"{\\rtf1", "rtf"),
        ("a.html", b"<p>", "html"),
        ("a.md", b"# A", "markdown"),
        ("a.csv", b"a,b", "csv"),
        ("a.jsonl", b"{}", "jsonl"),
        ("a.msg", OLE, "msg"),
        ("README", b"plain words", "text"),
        ("notes.unheard-of", b"plain words", "text"),
    ],
)
def test_a_file_that_keeps_its_promise_is_read_as_named(
    filename: str, head: bytes, kind: str
) -> None:
    media = detect(filename, head)
    assert (media.format, media.warning) == (kind, "")
    assert media.media_type == MEDIA_TYPES[kind]


@pytest.mark.parametrize(
    ("filename", "language"),
    [
        ("a.py", "python"),
        ("A.RS", "rust"),
        ("Dockerfile", "dockerfile"),
        ("x/y/Makefile", "makefile"),
    ],
)
def test_source_code_carries_its_language(filename: str, language: str) -> None:
    assert detect(filename, b"x = 1").code_language == language


@pytest.mark.parametrize(
    ("filename", "head", "kind"),
    [
        ("report.txt", b"%PDF-1.4", "pdf"),
        ("report.pdf", ZIP + b"[Content_Types].xml word/document.xml", "docx"),
        ("report.pdf", b"{\\rtf1", "rtf"),
        ("report.docx", b"only words", "text"),
    ],
)
def test_a_wrong_name_is_overruled_with_a_warning(filename: str, head: bytes, kind: str) -> None:
    media = detect(filename, head)
    assert media.format == kind
    assert "named like" in media.warning


@pytest.mark.parametrize(
    ("filename", "head", "reason", "words"),
    [
        ("cat.png", b"\x89PNG\r\n\x1a\n\x00\x00", "unsupported", "PNG image"),
        ("cat", b"\x7fELF\x02\x01\x01\x00", "unsupported", "program"),
        ("cat.xyz", b"\x00\x01\x02\x03" * 20, "unsupported", "unknown kind"),
        ("cat.pdf", b"\x89PNG\r\n\x1a\n\x00\x00", "unsupported", "PNG image"),
        ("cat.pdf", b"\x00\x01\x02\x03" * 20, "corrupt", "named like PDF"),
    ],
)
def test_a_file_that_nobody_reads_is_refused_by_what_it_looks_like(
    filename: str, head: bytes, reason: str, words: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        detect(filename, head)
    assert caught.value.reason == reason
    assert words in caught.value.message
    assert caught.value.hint


def test_names_are_judged_by_extension_or_whole_name() -> None:
    good = ("a.pdf", "b.MD", "c.tar.py", "Dockerfile", "dir/CMakeLists.txt", "x.jsonl")
    bad = ("a.exe", "b.zip", "c", "", "pdf", ".", "a.pdf.exe")
    assert all(map(is_supported_name, good))
    assert not any(map(is_supported_name, bad))
