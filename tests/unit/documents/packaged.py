"""Office files of our own making: only the parts that a test is about."""

import io
import zipfile
from collections.abc import Mapping

Parts = dict[str, bytes | str]

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "application/vnd.openxmlformats-officedocument."
W = f'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="{_OFFICE}"'
P = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    f'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="{_OFFICE}"'
)


def zipped(entries: Mapping[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def related(**targets: str) -> str:
    """A part that says what another refers to: the kind of each relation (and a number), a part."""
    found = "".join(_relation(name, target) for name, target in targets.items())
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{found}</Relationships>'


def _relation(name: str, target: str) -> str:
    outside = ' TargetMode="External"' if "://" in target else ""
    kind = name.rstrip("0123456789")
    return f'<Relationship Id="{name}" Type="{_OFFICE}/{kind}" Target="{target}"{outside}/>'


def docx(body: str, doctype: str = "") -> Parts:
    """A text document with one paragraph, `body`, which may end it and begin others."""
    document = (
        f'<?xml version="1.0"?>{doctype}<w:document {W}><w:body>'
        f"<w:p><w:r><w:t>{body}</w:t></w:r></w:p></w:body></w:document>"
    )
    return {
        "[Content_Types].xml": _types("/word/document.xml", "wordprocessingml.document"),
        "_rels/.rels": related(officeDocument="word/document.xml"),
        "word/document.xml": document,
    }


def pptx(slides: Mapping[str, str], order: list[str]) -> Parts:
    """A presentation: title of each slide by its number, shown in `order`."""
    listed = "".join(f'<p:sldId id="{256 + int(n)}" r:id="slide{n}"/>' for n in order)
    parts: Parts = {
        "[Content_Types].xml": _types("/ppt/presentation.xml", "presentationml.presentation"),
        "_rels/.rels": related(officeDocument="ppt/presentation.xml"),
        "ppt/presentation.xml": f"<p:presentation {P}><p:sldIdLst>{listed}</p:sldIdLst>"
        "</p:presentation>",
        "ppt/_rels/presentation.xml.rels": related(
            **{f"slide{n}": f"slides/slide{n}.xml" for n in slides}
        ),
    }
    for number, title in slides.items():
        shape = shaped("title", title)
        parts[f"ppt/slides/slide{number}.xml"] = f"<p:sld {P}>{shape}</p:sld>"
    return parts


def shaped(kind: str, *lines: str) -> str:
    """A shape of a slide or of the page with its notes."""
    words = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in lines)
    return (
        "<p:cSld><p:spTree><p:sp><p:nvSpPr><p:cNvPr id='2' name='x'/><p:cNvSpPr/>"
        f'<p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:spPr/>'
        f"<p:txBody><a:bodyPr/>{words}</p:txBody></p:sp></p:spTree></p:cSld>"
    )


def _types(part: str, kind: str) -> str:
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="{part}" ContentType="{_MAIN}{kind}.main+xml"/></Types>'
    )
