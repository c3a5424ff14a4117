"""Office packages beyond what the converter reads: entities, footnotes, notes, charts, comments.

The parts are searched, not parsed: a broken one gives less text, and no entity is ever expanded.
"""

import html
import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from citewell.documents.parsers.archives import BROKEN

_PART = 50_000_000
_ENTITY = re.compile(rb"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));")
# Code points that no text uses stand for the five characters that XML must escape.
_HIDDEN = {"&": "\ufdd0", "<": "\ufdd1", ">": "\ufdd2", '"': "\ufdd3", "'": "\ufdd4"}
_SHOWN = str.maketrans({hidden: shown for shown, hidden in _HIDDEN.items()})
_NAMED = {b"amp": "&", b"lt": "<", b"gt": ">", b"quot": '"', b"apos": "'"}
# The converter mixes up notes of equal number; `footnotes` reads them instead.
_MARK = re.compile(rb"<w:(?:foot|end)noteReference\b[^>]{0,500}/>")
_HYPHEN = re.compile(rb"<w:noBreakHyphen ?/>")
_NOT_A_NOTE = re.compile(r"[^>]{0,500}?\bw:type=\"(?:separator|continuation)")
_RELATION = re.compile(r"<Relationship\b[^>]{0,2000}>")
_ATTRIBUTE = re.compile(r"\b(\w+)\s*+=\s*+\"([^\"]{0,1000})\"")
_SLIDE = re.compile(r"<p:sldId\b[^<>]{0,500}?\br:id=\"([^\"]{1,100})\"")
_WORDS = re.compile(r"<(?:a|w|p):(?:t|text)(?:\s[^<>]{0,200})?>([^<]*)<")
_VALUE = re.compile(r"<c:v>([^<]*)</c:v>")


@dataclass(frozen=True, slots=True)
class Package:
    """The parts of an Office file by name; a part that is missing or broken is empty."""

    archive: zipfile.ZipFile

    def part(self, name: str) -> str:
        """The XML of a part, at most `_PART` bytes of it."""
        try:
            with self.archive.open(name) as file:
                return file.read(_PART).decode("utf-8", errors="replace")
        except (KeyError, *BROKEN):
            return ""

    def related(self, name: str, kind: str) -> list[str]:
        """Parts that `name` refers to by relations whose type ends in `kind`, in order."""
        return [target for _, target in self._relations(name, kind)]

    def slides(self) -> list[str]:
        """The slides in the order in which they are shown."""
        main = "ppt/presentation.xml"
        targets = dict(self._relations(main, "/slide"))
        return [targets[i] for i in _SLIDE.findall(self.part(main)) if i in targets]

    def _relations(self, name: str, kind: str) -> Iterator[tuple[str, str]]:
        folder, file = posixpath.split(name)
        for found in _RELATION.findall(self.part(f"{folder}/_rels/{file}.rels")):
            said = dict(_ATTRIBUTE.findall(found))
            if said.get("Type", "").endswith(kind) and said.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join(folder, said.get("Target", "")))
                yield said.get("Id", ""), target.lstrip("/")


def opened(data: bytes) -> Package:
    """The package in `data`, which `archives.resolve` must have judged before."""
    return Package(zipfile.ZipFile(io.BytesIO(data)))


def convertible(data: bytes) -> bytes:
    """A DOCX without what the converter would drop or mix up; `shown` undoes it in the text.

    A file with a broken part comes back as it is: the converter says what is wrong with it.
    """
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(packed, "w") as new:
            for entry in old.infolist():
                if not entry.filename.startswith("word/media/"):
                    new.writestr(entry.filename, _convertible(entry.filename, old.read(entry)))
    except BROKEN:
        return data
    return packed.getvalue()


def numbered(data: bytes) -> bytes:
    """A PPTX whose slides are numbered as they are shown, for the converter goes by their names."""
    slides = opened(data).slides()
    folder = "ppt/slides"
    new_names = {old: f"{folder}/slide{n}.xml" for n, old in enumerate(slides, 1)}
    if all(old == new for old, new in new_names.items()):
        return data
    for old, new in list(new_names.items()):
        rels = (f"{folder}/_rels/{posixpath.basename(one)}.rels" for one in (old, new))
        new_names[next(rels)] = next(rels)
    return _renamed(data, new_names)


def shown(text: str) -> str:
    """The converter's text of a `convertible` file with the characters that were hidden from it."""
    # What still looks like an entity is part of a link's address.
    return text.replace("&amp;", "&").translate(_SHOWN)


def notes(package: Package, slide: str) -> list[str]:
    """What the speaker wrote below a slide."""
    found: list[str] = []
    for name in package.related(slide, "/notesSlide"):
        shapes = re.split(r"<p:sp\b", package.part(name))
        found += [paragraphs(shape, "a:p") for shape in shapes if 'type="body"' in shape]
    return [text for text in found if text]


def charts(package: Package, name: str) -> list[str]:
    """The title and the figures of each chart that a part shows."""
    parts = (package.part(chart) for chart in package.related(name, "/chart"))
    return [text for part in parts if (text := _chart(part))]


def footnotes(package: Package, name: str) -> list[str]:
    """The notes at the foot of the pages and at the end, in order."""
    found: list[str] = []
    for kind in ("footnote", "endnote"):
        for part in map(package.part, package.related(name, f"/{kind}s")):
            notes_of = re.split(rf"<w:{kind}\b", part)[1:]
            kept = [one for one in notes_of if not _NOT_A_NOTE.match(one)]
            found += [paragraphs(one, "w:p").replace("\n", " ") for one in kept]
    return [text for text in found if text]


def comments(package: Package, name: str) -> list[str]:
    """Remarks in the margin, each with its author where the file says who."""
    found: list[str] = []
    for part in map(package.part, package.related(name, "/comments")):
        for remark in re.split(r"<(?:w:comment|p:cm|p188:cm)\b", part)[1:]:
            author = re.match(r"[^>]{0,1000}?\bw:author=\"([^\"]{1,200})\"", remark)
            said = paragraphs(remark, "a:p" if "<a:p" in remark else "w:p").replace("\n", " ")
            if said:
                found.append(f"{html.unescape(author[1])}: {said}" if author else said)
    return found


def paragraphs(xml: str, tag: str) -> str:
    """The words of a part, a line for each paragraph."""
    lines = ("".join(_WORDS.findall(one)) for one in xml.split(f"</{tag}>"))
    return "\n".join(html.unescape(line).strip() for line in lines if line.strip())


def _chart(xml: str) -> str:
    title, *series = re.split(r"<c:ser>", xml)
    lines = [f"Chart: {paragraphs(title, 'a:p')}".strip().replace("\n", " ")]
    for one in series:
        name, categories, values = (_values(one, tag) for tag in ("tx", "cat", "val"))
        labels = categories if len(categories) == len(values) else [""] * len(values)
        pairs = (
            f"{label}: {value}" if label else value
            for label, value in zip(labels, values, strict=True)
        )
        lines.append(f"{' '.join(name)} — {', '.join(pairs)}".strip(" —"))
    return "\n".join(lines) if len(lines) > 1 or lines[0] != "Chart:" else ""


def _values(series: str, tag: str) -> list[str]:
    _, _, rest = series.partition(f"<c:{tag}>")
    return [html.unescape(v) for v in _VALUE.findall(rest.partition(f"</c:{tag}>")[0])][:500]


def _renamed(data: bytes, new_names: dict[str, str]) -> bytes:
    def target(match: re.Match[str]) -> str:
        old = posixpath.normpath(posixpath.join("ppt", match[1])).lstrip("/")
        return f'Target="/{new_names[old]}"' if old in new_names else match[0]

    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(packed, "w") as after:
            for entry in before.infolist():
                part = before.read(entry)
                if entry.filename == "ppt/_rels/presentation.xml.rels":
                    text = part.decode("utf-8", errors="replace")
                    part = re.sub(r'\bTarget="([^"]{1,500})"', target, text).encode()
                after.writestr(new_names.get(entry.filename, entry.filename), part)
    except BROKEN:
        return data
    return packed.getvalue()


def _convertible(name: str, part: bytes) -> bytes:
    if not name.startswith("word/") or not name.endswith(".xml"):
        return part
    return _ENTITY.sub(_hidden, _HYPHEN.sub(b"<w:t>-</w:t>", _MARK.sub(b"", part)))


def _hidden(match: re.Match[bytes]) -> bytes:
    decimal, hexadecimal, name = match.groups()
    if name:
        return _HIDDEN[_NAMED[name]].encode()
    point = int(decimal) if decimal else int(hexadecimal, 16)
    # A control character is kept as it was written, for inside an attribute it means a space.
    if point < 0x20 or point > 0x10FFFF or 0xD800 <= point < 0xE000:
        return match[0]
    return _HIDDEN.get(chr(point), chr(point)).encode()
