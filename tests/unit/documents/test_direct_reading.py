"""Short text is read where it is claimed; nothing that it holds makes that slow."""

import time

import pytest

from citewell.documents.parsers.direct import SHORT_BYTES, read_directly
from citewell.documents.parsers.reading import read
from citewell.domain.errors import DocumentError

# Many times what the slowest takes; quadratic time over this many bytes would take more.
MOST_CPU_SECONDS = 2.0
# What is read at most takes no longer than this, where more would show what the time grows with.
SIZE = 16 * SHORT_BYTES

HOSTILE = {
    "blanks in a heading": lambda n: "# a" + " " * n + "b",
    "blanks before hashes": lambda n: "# a" + " #" * (n // 2) + "b",
    "openings of links": lambda n: "# " + "[" * n,
    "links without an end": lambda n: "# " + "[](" * (n // 3),
    "parentheses in a link": lambda n: "# [](" + "()" * (n // 2),
    "links in a link": lambda n: "# [](" + "[]()" * (n // 4),
    "an underline that is none": lambda n: "a\n" + "=" * n + "x",
    "an underline and blanks": lambda n: "a\n-" + " " * n + "x",
    "a paragraph of blanks": lambda n: " " * n + "x\n---",
    "fences in fences": lambda n: "```\n~~~\n" * (n // 8),
    "a long fence": lambda n: "`" * n,
    "many headings": lambda n: "#\n" * (n // 2),
    "emphasis": lambda n: "# " + "*" * n,
    "front matter without a title": lambda n: "---\n" + "a\n" * (n // 2),
    "front matter of blanks": lambda n: "---\ntitle:" + " " * n,
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_markdown_is_read_in_linear_time(attack: str) -> None:
    data = HOSTILE[attack](SHORT_BYTES - 200).encode()
    long = HOSTILE[attack](SIZE).encode()
    assert read_directly(data, "hostile.md") is not None
    began = time.process_time()
    read(long, "hostile.md", text_chars=2 * SIZE)
    assert time.process_time() - began < MOST_CPU_SECONDS


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("lamp.txt", b"The lamp.\r\nIt burns."),
        ("lamp.md", b"---\ntitle: Lamps\n---\n\n# A lamp ##\n\nIt burns.\n\nOil\n---\n"),
        ("lamp.py", b"def lamp() -> None:\n    ...\n"),
        ("lamp.txt", "Leuchttürme".encode("latin-1")),
        ("lamp.md", "# Лампа".encode("utf-16")),
    ],
)
def test_it_reads_what_the_confined_reader_reads(name: str, data: bytes) -> None:
    assert read_directly(data, name) == read(data, name, text_chars=1_000)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("named.txt", b"%PDF-1.7"),
        ("named.md", b"PK\x03\x04"),
        ("page.html", b"<p>Lamp.</p>"),
        ("rows.csv", b"a,b"),
        ("named.txt", b"{\\rtf1 lamp}"),
        ("long.txt", b"a" * (SHORT_BYTES + 1)),
        ("empty.txt", b""),
    ],
)
def test_everything_else_is_left_to_the_confined_reader(name: str, data: bytes) -> None:
    assert read_directly(data, name) is None


def test_a_text_without_words_says_so() -> None:
    with pytest.raises(DocumentError) as refused:
        read_directly(b" \n", "blank.txt")
    assert refused.value.reason == "no_text"
