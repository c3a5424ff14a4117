"""Every format becomes canonical text whose offsets can be trusted."""

import contextlib
import io
import json
import stat
import zipfile

import pytest

from citewell.documents.parsers.reading import read
from citewell.domain.documents import ParsedText, TextKind
from citewell.domain.errors import DocumentError
from tests.unit.documents.packaged import docx, zipped


def parse(data: bytes, filename: str, text_chars: int = 1_000_000) -> ParsedText:
    return read(data, filename, text_chars=text_chars)


def reason(data: bytes, filename: str, text_chars: int = 1_000_000) -> str:
    with pytest.raises(DocumentError) as caught:
        parse(data, filename, text_chars)
    assert caught.value.message
    assert caught.value.hint
    return caught.value.reason


def test_source_code_is_its_own_canonical_text() -> None:
    source = "# not a heading\ndef f():\n\treturn '\u00ad\u2028'\n"
    parsed = parse(source.encode(), "f.py")
    assert (parsed.text, parsed.kind, parsed.code_language) == (source, TextKind.CODE, "python")
    assert parsed.headings == ()


def test_markdown_is_its_own_canonical_text_with_headings_and_title() -> None:
    parsed = parse(b"# Guide\r\n\r\ntext\r\n## Part\r\n", "g.md")
    assert parsed.text == "# Guide\n\ntext\n## Part\n"
    assert (parsed.title, [h.text for h in parsed.headings]) == ("Guide", ["Guide", "Part"])


def test_the_front_matter_names_a_markdown_file() -> None:
    assert parse(b'---\nid: 1\ntitle: "Real"\n---\n# Other\n', "g.md").title == "Real"


def test_csv_stays_as_written() -> None:
    rows = 'a;"b\n=1+1"\n1;2\n'
    parsed = parse(rows.encode(), "t.csv")
    assert (parsed.text, parsed.kind) == (rows, TextKind.TABLE)


def test_minified_json_gets_a_line_per_field_and_loses_no_token() -> None:
    raw = '{"a":[1,2.50,{"b\\"{,":"x  y"}],"big":12345678901234567890,"e":[],"a":1e999}'
    minified = "[" + ",".join([raw] * 20) + "]"
    parsed = parse(minified.encode(), "d.json")
    assert '\n    "big": 12345678901234567890,\n' in parsed.text
    assert json.loads(parsed.text) == json.loads(minified)
    assert parsed.text.count("2.50") == 20


def test_readable_or_broken_json_is_left_alone() -> None:
    for raw in ('{\n  "a": 1\n}', '{"a": ', "[" * 300):
        assert parse(raw.encode(), "d.json").text == raw


def test_html_loses_scripts_styles_comments_and_targets() -> None:
    page = (
        "<html lang=de><head><title>My &amp; page</title><style>.x{}</style></head><body>"
        "<h1>Top</h1><script>steal()</script><!-- hidden note -->"
        '<p>Text <a href="http://evil.example/">here</a><img src=x alt="a cat"></p></body></html>'
    )
    parsed = parse(page.encode(), "p.html")
    assert (parsed.title, parsed.language) == ("My & page", "de")
    assert [h.text for h in parsed.headings] == ["Top"]
    for gone in ("steal", "hidden", "evil", ".x{}", "title:"):
        assert gone not in parsed.text
    assert "Text here" in parsed.text


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8"])
def test_html_is_decoded_before_it_is_read(encoding: str) -> None:
    page = "<html><body><p>Die schöne Frau zahlte 15 €.</p></body></html>"
    assert "schöne Frau zahlte 15 €" in parse(page.encode(encoding), "p.html").text


def test_a_docx_of_our_own_making_is_read() -> None:
    parsed = parse(zipped(docx("Hello there")), "d.docx")
    assert parsed.text == "Hello there"


def test_a_docx_with_the_name_of_a_pdf_is_read_with_a_warning() -> None:
    parsed = parse(zipped(docx("Hello there")), "d.pdf")
    assert parsed.text == "Hello there"
    assert "DOCX" in parsed.warnings[0]


@pytest.mark.parametrize(
    ("data", "filename", "expected"),
    [
        (b"", "a.txt", "empty"),
        (b" \n\t \n", "a.txt", "no_text"),
        (b"\x00\x01binary", "a.txt", "encoding"),
        (b"%PDF-1.7\ntruncated", "a.pdf", "corrupt"),
        (zipped(docx("x"))[:300], "a.docx", "corrupt"),
        (zipped({"readme.txt": "x"}), "a.zip", "unsupported"),
        (zipped({"readme.txt": "x"}), "a.docx", "unsupported"),
        (zipped({**docx("x"), "../up": "x"}), "a.docx", "corrupt"),
        (zipped({**docx("x"), "/abs": "x"}), "a.docx", "corrupt"),
        (zipped({**docx("x"), "zeros": bytes(50_000_000)}), "a.docx", "bomb"),
        (zipped({**docx("x"), **{f"f{n}": "" for n in range(1_000)}}), "a.docx", "bomb"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.doc", "unsupported"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_become_text_says_why(data: bytes, filename: str, expected: str) -> None:
    assert reason(data, filename) == expected


def test_an_encrypted_office_file_says_so() -> None:
    marker = "EncryptedPackage".encode("utf-16-le")
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + marker + bytes(600)
    assert reason(data, "a.docx") == "encrypted"


def test_a_symbolic_link_in_an_archive_is_refused() -> None:
    buffer = io.BytesIO(zipped(docx("x")))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("word/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert reason(buffer.getvalue(), "a.docx") == "corrupt"


def test_entities_that_multiply_stay_bounded() -> None:
    entities = '<!ENTITY e0 "lol">' + "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)
    )
    data = zipped(docx("&e11;", f"<!DOCTYPE x [{entities}]>"))
    with contextlib.suppress(DocumentError):
        assert len(parse(data, "a.docx").text) < 1_000


def test_more_text_than_allowed_is_too_large() -> None:
    assert reason(b"word " * 300, "a.txt", text_chars=1_000) == "too_large"
