"""Archives that want to be opened: bombs, names that climb, links, entries on top of each other."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping

from tests.unit.documents.packaged import Parts, docx, zipped

MANY = 1_001
DEPTH = 30
CLIMBING = (
    "../evil.xml",
    "word/../../../evil.xml",
    "/etc/cron.d/evil",
    "..\\..\\evil.xml",
    "C:\\evil.xml",
    "word/media/../../../evil.png",
    "....//....//../evil.xml",
)


def with_entries(entries: Iterable[tuple[zipfile.ZipInfo, bytes]], parts: Parts) -> bytes:
    """The parts, and more entries as they are told, whatever they are called."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        for info, content in entries:
            archive.writestr(info, content)
    return packed.getvalue()


def climbing(name: str) -> bytes:
    """A document with an entry that is called `name`."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    return with_entries([(info, b"<evil/>")], docx("words"))


def linking(target: str) -> bytes:
    """A document whose main part is a symbolic link."""
    info = zipfile.ZipInfo("word/document.xml")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    parts = {name: part for name, part in docx("words").items() if name != info.filename}
    return with_entries([(info, target.encode())], parts)


def flat_bomb() -> bytes:
    """A hundred thousand bytes that unpack to a hundred million."""
    return zipped({**docx("words"), "word/numbering.xml": bytes(100_000_000)})


def shrunk(data: bytes) -> bytes:
    """The archive, saying of each entry that it unpacks to ten bytes."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = changed.find(mark)
        while at >= 0:
            changed[at + offset : at + offset + 4] = struct.pack("<I", 10)
            at = changed.find(mark, at + 4)
    return bytes(changed)


def crowded() -> bytes:
    return zipped({**docx("words"), **{f"word/media/{n}": "" for n in range(MANY)}})


def nested() -> bytes:
    """A document in a document, `DEPTH` deep, with a bomb in the innermost one."""
    inner = flat_bomb()
    for _ in range(DEPTH):
        inner = zipped({**docx("words"), "word/embeddings/inner.docx": inner})
    return inner


def overlapping(copies: int = 400) -> bytes:
    """Many entries that all unpack the same bytes of the file."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = bytes(200_000)
    packed = kernel.compress(content) + kernel.flush()
    parts = zipped(docx("words"))
    start = parts.index(b"PK\x01\x02")
    end = parts.rindex(b"PK\x05\x06")
    sizes = struct.pack("<III", zlib.crc32(content), len(packed), len(content))
    local = struct.pack("<IHHHHH", 0x04034B50, 20, 0, 8, 0, 0) + sizes + struct.pack("<HH", 8, 0)
    heads = b"".join(
        struct.pack("<IHHHHHH", 0x02014B50, 20, 20, 0, 8, 0, 0)
        + sizes
        + struct.pack("<HHHHHII", 8, 0, 0, 0, 0, 0, start)
        + b"%08d" % n
        for n in range(copies)
    )
    known = struct.unpack("<H", parts[end + 10 : end + 12])[0]
    directory = parts[start:end] + heads
    at = start + len(local) + 8 + len(packed)
    count = known + copies
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(directory), at, 0)
    return parts[:start] + local + b"kernel00" + packed + directory + tail


def archives() -> Mapping[str, tuple[bytes, set[str]]]:
    """Each with how it may end."""
    bomb, broken = {"failed:bomb"}, {"failed:corrupt"}
    slips = {f"climbing-{n}.docx": (climbing(name), broken) for n, name in enumerate(CLIMBING)}
    return {
        **slips,
        "link.docx": (linking("/etc/passwd"), broken),
        "flat.docx": (flat_bomb(), bomb),
        "flat-in-disguise.docx": (shrunk(flat_bomb()), bomb),
        "crowded.docx": (crowded(), bomb),
        "overlapping.docx": (overlapping(), bomb),
        "nested.docx": (nested(), {"ready"}),
        "nested.zip": (zipped({"inner.zip": nested()}), {"failed:unsupported"}),
        "slip.zip": (zipped({"../../evil.txt": "x"}), broken | {"failed:unsupported"}),
    }
