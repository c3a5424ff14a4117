"""Documents that ask for more than to be read: entities, pictures of millions, endless nesting."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from tests.unit.documents.packaged import P, Parts, docx, zipped

Made = Mapping[str, tuple[bytes, set[str]]]

ANY_TEXT = {"ready", "failed:no_text", "failed:corrupt"}
_ODT = "application/vnd.oasis.opendocument.text"
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:"
_SIDE = 60_000


def external(target: str) -> str:
    return f'<!DOCTYPE x [<!ENTITY e SYSTEM "{target}"><!ENTITY % p SYSTEM "{target}"> %p;]>'


def laughing(levels: int = 10) -> str:
    """Entities that multiply by ten, `levels` times."""
    first = '<!ENTITY e0 "ha ha ha ha ha ha ha ha ha ha ">'
    rest = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, levels))
    return f'<!DOCTYPE x [{first}{rest}<!ENTITY e "&e{levels - 1};">]>'


def swollen() -> str:
    """One long entity; a document that names it often is quadratic."""
    return f'<!DOCTYPE x [<!ENTITY e "{"ha " * 20_000}">]>'


def odt(body: str, doctype: str = "") -> bytes:
    content = (
        f'<?xml version="1.0"?>{doctype}<office:document-content '
        f'xmlns:office="{_OFFICE}office:1.0" xmlns:text="{_OFFICE}text:1.0">'
        f"<office:body><office:text><text:p>{body}</text:p></office:text></office:body>"
        "</office:document-content>"
    )
    return zipped({"mimetype": _ODT, "content.xml": content})


def epub(body: str, doctype: str = "") -> bytes:
    page = (
        f'<?xml version="1.0"?>{doctype}<html xmlns="http://www.w3.org/1999/xhtml">'
        f"<head><title>t</title></head><body><p>{body}</p></body></html>"
    )
    package = (
        f'<?xml version="1.0"?>{doctype}'
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>t</dc:title></metadata>'
        '<manifest><item id="p" href="p.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="p"/></spine></package>'
    )
    container = (
        '<?xml version="1.0"?><container version="1.0" '
        'xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile '
        'full-path="content.opf" media-type="application/oebps-package+xml"/></rootfiles>'
        "</container>"
    )
    parts: Parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "content.opf": package,
        "p.xhtml": page,
    }
    return zipped(parts)


def svg(body: str, doctype: str = "") -> bytes:
    head = f'<?xml version="1.0"?>{doctype}<svg xmlns="http://www.w3.org/2000/svg">'
    return f"{head}<text>Drawn words {body}</text></svg>".encode()


def entities(doctype: str, use: str) -> dict[str, bytes]:
    """A document of each kind that knows entities, which uses them."""
    return {
        "docx": zipped(docx(f"Words {use}", doctype)),
        "odt": odt(f"Words {use}", doctype),
        "epub": epub(f"Words {use}", doctype),
        "svg": svg(use, doctype),
        "xml": f'<?xml version="1.0"?>{doctype}<a>Words {use}</a>'.encode(),
        "html": f"{doctype}<html><body><p>Words {use}</p></body></html>".encode(),
    }


def picture(side: int = _SIDE) -> bytes:
    """A small PNG of `side` times `side` pixels, 3,600 million where nothing else is said."""
    rows = zlib.compress(bytes(side // 8 + 1) * 2_000, 9)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)),
        (b"IDAT", rows),
        (b"IEND", b""),
    )
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def pictured_pdf() -> bytes:
    """A page with a word and a picture of 3,600 million pixels."""
    pixels = zlib.compress(bytes(_SIDE), 9)
    words = b"BT /F1 12 Tf 72 700 Td (Painted words) Tj ET q 600 0 0 600 0 0 cm /I Do Q"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources"
        b"<</Font<</F1 6 0 R>>/XObject<</I 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(words), words),
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8"
        b"/ColorSpace/DeviceRGB/Filter/FlateDecode/Length %d>>stream\n%b\nendstream"
        % (_SIDE, _SIDE, len(pixels), pixels),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    return pdf(objects)


def pdf(objects: list[bytes]) -> bytes:
    """A PDF file of these objects, the first one of which is its catalog."""
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj%b endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF"
    return body + head + table + tail % (len(objects) + 1, len(body))


def pictures() -> dict[str, bytes]:
    png = picture()
    slide = f"<p:sld {P}><p:cSld/></p:sld>"
    with_picture = zipped({**docx("Painted words"), "word/media/image1.png": png})
    return {
        "docx": with_picture,
        "pdf": pictured_pdf(),
        "png": png,
        "zip": zipped({"word/document.xml": slide, "ppt/media/image1.png": png}),
    }


def squeezed_pdf() -> bytes:
    """Content that unpacks to 300 million bytes, three filters deep."""
    content = bytes(300_000_000)
    for _ in range(3):
        content = zlib.compress(content, 9)
    stream = b"<</Length %d/Filter[/FlateDecode/FlateDecode/FlateDecode]>>stream\n%b\nendstream"
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
            stream % (len(content), content),
        ]
    )


def circular_pdf() -> bytes:
    """Pages that are their own children, a stream that says its own length, forms in forms."""
    form = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 4 0 R/Y 4 0 R>>>>"
    body = b"/X Do /Y Do"
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R/Outlines 5 0 R>>",
            b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 999999999>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R"
            b"/Resources<</XObject<</X 4 0 R>>>>>>",
            form + b"/Length 4 0 R>>stream\n" + body + b"\nendstream",
            b"<</First 5 0 R/Last 5 0 R/Next 5 0 R/Title(Again)>>",
        ]
    )


def nested_mail(depth: int = 300) -> bytes:
    inner = b"Content-Type: text/plain\n\nThe innermost words.\n"
    for n in range(depth):
        head = f'Subject: {n}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b{n}"\n'
        inner = head.encode() + b"\n--b%d\n%b\n--b%d--\n" % (n, inner, n)
    return inner


def nestings() -> dict[str, bytes]:
    deep = 100_000
    return {
        "html": b"<div>" * deep + b"words",
        "xml": b"<a>" * deep + b"words" + b"</a>" * deep,
        "md": b"> " * deep + b"words\n" + b"\n".join(b"  " * n + b"- w" for n in range(1_000)),
        "rtf": rb"{\rtf1 " + b"{" * deep + b"words" + b"}" * deep + b"}",
        "json": b'{"a":' * deep + b"1" + b"}" * deep,
        "eml": nested_mail(),
        "csv": b"a," * 1_000_000,
        "docx": zipped(docx("</w:t></w:r></w:p>" + "<w:tbl><w:tr><w:tc>" * 20_000)),
        "py": b"(" * deep + b"\n" + b"def f():\n" * 20_000,
    }


def documents(canary: Path) -> Made:
    """Each with how it may end; `canary` is a file whose words must not be read."""
    outside = {
        **entities(external(canary.as_uri()), "&e;"),
        "rtf": b'{\\rtf1 Words {\\field{\\*\\fldinst INCLUDETEXT "%b"}}}' % str(canary).encode(),
    }
    loopback = entities(external("http://127.0.0.1:9/x.dtd"), "&e;")
    sets: dict[str, tuple[dict[str, bytes], set[str]]] = {
        "outside": (outside, ANY_TEXT),
        "loopback": (loopback, ANY_TEXT),
        "laughing": (entities(laughing(), "&e;"), ANY_TEXT | {"failed:bomb"}),
        "swollen": (entities(swollen(), "&e;" * 20_000), ANY_TEXT | {"failed:bomb"}),
        "picture": (pictures(), ANY_TEXT | {"failed:unsupported"}),
        "nested": (nestings(), ANY_TEXT),
    }
    found = {
        f"{what}.{kind}": (content, ends)
        for what, (files, ends) in sets.items()
        for kind, content in files.items()
    }
    squeezed = {"failed:memory", "failed:corrupt", "failed:no_text"}
    return {
        **found,
        "squeezed.pdf": (squeezed_pdf(), squeezed),
        "circular.pdf": (circular_pdf(), ANY_TEXT | {"failed:memory", "failed:timeout"}),
    }
