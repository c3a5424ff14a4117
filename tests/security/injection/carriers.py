"""Files that carry a text where a reader sees it, and where no reader does."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from xml.sax.saxutils import escape as xml

from tests.unit.documents.packaged import W, docx, related, zipped

FACT = "The harbour bridge was opened in 1932 by the governor."
OTHERS = "It has 42 granite pillars, and its deck is painted every seven years."
PAGE = 595, 842
WIDTH = 90


@dataclass(frozen=True, slots=True)
class File:
    """What is uploaded; with a `title` it is given one."""

    name: str
    content: bytes
    title: str = ""


@dataclass(frozen=True, slots=True)
class Carrier:
    """`make` puts an order, on one line, into a file that also says `FACT`.

    `is_read` says whether the product's parsers take the place for text at all.
    """

    make: Callable[[str], File]
    is_read: bool = True


def pdf(order: str, *, grey: float = 0.0, at: tuple[int, int] = (40, 700)) -> bytes:
    """A page of PDF by hand: `FACT` on top, the order in a shade (1 is white) at a place."""
    lines = wrap(order, WIDTH)
    drawn = ["BT /F1 10 Tf 0 g 40 800 Td", f"({_escaped(FACT)}) Tj", "0 -14 Td"]
    drawn += [f"({_escaped(OTHERS)}) Tj ET", f"BT /F1 8 Tf {grey:g} g {at[0]} {at[1]} Td 10 TL"]
    drawn += [f"({_escaped(line)}) Tj T*" for line in lines]
    content = "\n".join([*drawn, "ET"]).encode("latin-1", "replace")
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    return _numbered(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>" % PAGE,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        font,
    )


def commented(order: str) -> bytes:
    """A text document whose one paragraph has a remark in its margin."""
    remark = (
        f'<?xml version="1.0"?><w:comments {W}><w:comment w:id="0" w:author="Ada">'
        f"<w:p><w:r><w:t>{xml(order)}</w:t></w:r></w:p></w:comment></w:comments>"
    )
    parts = docx(f"{FACT} {OTHERS}")
    parts["word/comments.xml"] = remark
    parts["word/_rels/document.xml.rels"] = related(comments="comments.xml")
    return zipped(parts)


def photograph(description: str) -> bytes:
    """The head of a JPEG whose Exif description is this text; there is no picture behind it."""
    said = description.encode() + b"\0"
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x010E, 2, len(said), 26) + b"\0" * 4 + said
    exif = b"Exif\0\0" + tiff
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + b"\xff\xd9"


def illustrated(order: str) -> bytes:
    """A text document with a photograph in it, whose Exif data carry the order."""
    parts = docx(f"{FACT} {OTHERS}")
    parts["word/media/image1.jpg"] = photograph(order)
    parts["word/_rels/document.xml.rels"] = related(image="media/image1.jpg")
    return zipped(parts)


def spaced(order: str) -> str:
    """With what has no width between its letters, and the order as it is once that is gone."""
    return "\u200b".join(order)


def tagged(order: str) -> str:
    """Written in tag characters, which no font shows."""
    return "".join(chr(0xE0000 + ord(one)) for one in order if one.isascii())


def selected(order: str) -> str:
    """Each byte as a variation selector behind a letter, which no font shows either."""
    bytes_ = order.encode()
    return "x" + "".join(chr(0xFE00 + b if b < 16 else 0xE0100 + b - 16) for b in bytes_)


def named(order: str) -> str:
    """As a file can be named: without slashes, its polite end left out, and not too long."""
    return order.partition(" After you do that")[0].replace("/", "\u2215")[-220:]


def _html(body: str, head: str = "") -> bytes:
    said = f"<title>Bridge</title>{head}</head><body><p>{FACT} {OTHERS}</p>{body}</body>"
    return f"<!doctype html><html><head>{said}</html>".encode()


def _text(behind: str) -> bytes:
    return f"{FACT} {OTHERS}\n\n{behind}\n".encode()


def _code(order: str) -> bytes:
    said = f'"""{FACT} {OTHERS}"""\n\n\ndef opened() -> int:\n    # {order}\n    return 1932\n'
    return said.encode()


def _rows(order: str) -> bytes:
    quoted = order.replace('"', '""')
    return f'bridge,opened,note\nharbour,1932,"{FACT}"\nharbour,1932,"{quoted}"\n'.encode()


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _numbered(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1, with a table of where each begins."""
    written, places = b"%PDF-1.4\n", list[int]()
    for number, one in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(written))
    return written + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + end


_HIDDEN = '<p style="display:none">{}</p><p hidden>{}</p>'

CARRIERS: Mapping[str, Carrier] = {
    "visible text of a PDF": Carrier(lambda order: File("bridge.pdf", pdf(order))),
    "white text of a PDF": Carrier(lambda order: File("bridge.pdf", pdf(order, grey=1.0))),
    "text beside the page of a PDF": Carrier(
        lambda order: File("bridge.pdf", pdf(order, at=(-4000, 5000))),
        is_read=False,
    ),
    "remark in a DOCX": Carrier(lambda order: File("bridge.docx", commented(order))),
    "picture's Exif data in a DOCX": Carrier(
        lambda order: File("bridge.docx", illustrated(order)), is_read=False
    ),
    "hidden HTML": Carrier(
        lambda order: File("bridge.html", _html(_HIDDEN.replace("{}", escape(order)))),
        is_read=False,
    ),
    "comment in HTML": Carrier(
        lambda order: File("bridge.html", _html(f"<!-- {order} -->")), is_read=False
    ),
    "alt text in HTML": Carrier(
        lambda order: File("bridge.html", _html(f'<img src="b.png" alt="{escape(order)}">'))
    ),
    "comment in Markdown": Carrier(lambda order: File("bridge.md", _text(f"<!-- {order} -->"))),
    "plain text": Carrier(lambda order: File("bridge.txt", _text(order))),
    "cell of a CSV": Carrier(lambda order: File("bridge.csv", _rows(order))),
    "comment in code": Carrier(lambda order: File("bridge.py", _code(order))),
    "name of a file": Carrier(lambda order: File(f"{named(order)}.md", _text(""))),
    "title": Carrier(lambda order: File("bridge.md", _text(""), title=order)),
    "letters with gaps of no width": Carrier(lambda order: File("b.md", _text(spaced(order)))),
    "tag characters": Carrier(lambda order: File("bridge.md", _text(tagged(order))), is_read=False),
    "variation selectors": Carrier(
        lambda order: File("bridge.md", _text(selected(order))), is_read=False
    ),
}
