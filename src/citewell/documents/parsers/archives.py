"""Containers judged before anybody unpacks them: zip caps, encryption, what is inside.

Caps: 1,000 entries (10,000 where a format keeps a file per slide, sheet or chapter), 512 MB
unpacked, 100 times the packed size unless that is under 10 MB. What an archive says of its sizes is
judged first, then what is really in it: whoever understates a size gains nothing.
"""

import io
import lzma
import stat
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

from citewell.documents.parsers.media import MEDIA_TYPES, SUPPORTED, Media
from citewell.domain.errors import DocumentError

_ENTRIES = {"pptx": 10_000, "xlsx": 10_000, "epub": 10_000}
_FEW_ENTRIES = 1_000
_RATIO = 100
_ALWAYS_FINE = 10_000_000
_UNPACKED = 512_000_000
# No byte of DEFLATE stands for more bytes than this.
_DEFLATE_RATIO = 1_032
_PIECE, _MANY = 65_536, 1_048_576
_LOCAL_HEAD = struct.Struct("<26xHH")
# What `zipfile` raises over an archive whose bytes are wrong.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
_MAIN_PARTS = {"word/": "docx", "ppt/": "pptx", "xl/": "xlsx"}


def resolve(data: bytes, media: Media) -> Media:
    """The kind of document in a container; other media pass through.

    Raises `DocumentError`: `encrypted`, `bomb`, `corrupt` or `unsupported`.
    """
    if media.format in {"ole", "msg"}:
        return _resolve_ole(data, media)
    if not data.startswith(b"PK"):
        return media
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            kind = _kind(archive)
            _check(archive.infolist(), len(data), kind)
            _check_counted(archive.infolist(), data)
            _check_not_encrypted(archive)
    except BROKEN as error:
        raise _corrupt(f"The archive inside the file is broken: {error}.") from error
    if not kind:
        raise DocumentError(
            "unsupported",
            "The file is a ZIP archive, not a document.",
            hint=f"Unpack it and upload the files. Citewell reads {SUPPORTED}.",
        )
    if kind == media.format:
        return media
    return Media(
        MEDIA_TYPES[kind],
        kind,
        warning=media.warning or f"The content of the file is {kind.upper()}; it was read as such.",
    )


def _kind(archive: zipfile.ZipFile) -> str:
    names = archive.namelist()
    if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
        mime = archive.read("mimetype").decode("ascii", errors="replace").strip()
        named = next((kind for kind, media in MEDIA_TYPES.items() if media == mime), "")
        if named:
            return named
    for prefix, kind in _MAIN_PARTS.items():
        if any(name.startswith(prefix) for name in names):
            return kind
    return "epub" if "META-INF/container.xml" in names else ""


def _check(entries: list[zipfile.ZipInfo], size: int, kind: str) -> None:
    allowed = _ENTRIES.get(kind, _FEW_ENTRIES)
    if len(entries) > allowed:
        raise _bomb(f"it holds {len(entries):,} entries, more than {allowed:,}")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > _most(size):
        raise _bomb(
            f"it unpacks to {unpacked // 1_000_000:,} MB, {unpacked // size:,} times its size"
        )
    if sum(entry.compress_size for entry in entries) > size:
        raise _bomb("its entries overlap")
    for entry in entries:
        _check_entry(entry)


def _most(size: int) -> int:
    """How many bytes an archive of `size` bytes may unpack to."""
    return min(_UNPACKED, max(_ALWAYS_FINE, _RATIO * size))


def _check_counted(entries: list[zipfile.ZipInfo], data: bytes) -> None:
    left = most = _most(len(data))
    # An archive that could not be a bomb if it tried is not unpacked twice.
    if len(data) * _DEFLATE_RATIO <= most:
        return
    for entry in entries:
        left -= _unpacked(entry, memoryview(data), left)
        if left < 0:
            raise _bomb(f"it unpacks to more than {most // 1_000_000:,} MB, whatever it says")


def _unpacked(entry: zipfile.ZipInfo, data: memoryview, enough: int) -> int:
    """How many bytes an entry becomes up to where it is broken; counting ends above `enough`."""
    names = _LOCAL_HEAD.unpack_from(data, entry.header_offset)
    start = entry.header_offset + _LOCAL_HEAD.size + sum(names)
    packed = data[start : start + entry.compress_size]
    if entry.compress_type == zipfile.ZIP_STORED:
        return len(packed)
    inflater, count = zlib.decompressobj(-zlib.MAX_WBITS), 0
    for at in range(0, len(packed), _PIECE):
        tail: bytes | memoryview = packed[at : at + _PIECE]
        while tail and not inflater.eof and count <= enough:
            try:
                count += len(inflater.decompress(tail, _MANY))
            except zlib.error:
                return count
            tail = inflater.unconsumed_tail
    return count


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or ".." in PurePosixPath(name).parts or name[1:3] == ":/":
        raise _corrupt("An entry of the archive inside the file points outside of it.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _corrupt("The archive inside the file holds a symbolic link.")
    if entry.flag_bits & 1:
        raise _encrypted()
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _corrupt("The archive inside the file is packed as no document may be.")


def _check_not_encrypted(archive: zipfile.ZipFile) -> None:
    manifest = "META-INF/manifest.xml"
    if manifest not in archive.namelist():
        return
    with archive.open(manifest) as part:
        if b"encryption-data" in part.read(1_000_000):
            raise _encrypted()


def _resolve_ole(data: bytes, media: Media) -> Media:
    def holds(stream: str) -> bool:
        return stream.encode("utf-16-le") in data

    if holds("EncryptedPackage"):
        raise _encrypted()
    if media.format == "msg":
        return media
    if holds("__properties_version1.0"):
        return Media(MEDIA_TYPES["msg"], "msg", warning="The file is an Outlook message.")
    raise DocumentError(
        "unsupported",
        "The file is an Office document in the format of 1997 to 2003.",
        hint="Save it as DOCX, XLSX or PPTX and upload that.",
    )


def _bomb(why: str) -> DocumentError:
    return DocumentError(
        "bomb",
        f"The archive inside the file is not opened: {why}.",
        hint="Save the document again in the program that made it, or split it.",
    )


def _corrupt(message: str) -> DocumentError:
    return DocumentError(
        "corrupt", message, hint="Save the document again in the program that made it."
    )


def _encrypted() -> DocumentError:
    return DocumentError(
        "encrypted",
        "The document is protected by a password.",
        hint="Remove the password in the program that made it and upload the copy.",
    )
