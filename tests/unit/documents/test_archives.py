"""A container is judged before anybody unpacks it."""

import io
import random
import stat
import zipfile

import pytest

from citewell.documents.parsers.archives import resolve
from citewell.documents.parsers.media import MEDIA_TYPES, Media
from citewell.domain.errors import DocumentError
from tests.security.files.archives import shrunk
from tests.unit.documents.packaged import Parts, docx, zipped

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def media(kind: str) -> Media:
    return Media(MEDIA_TYPES[kind], kind)


def refused(data: bytes, kind: str = "docx") -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        resolve(data, media(kind))
    assert caught.value.message
    assert caught.value.hint
    return caught.value


def with_entry(info: zipfile.ZipInfo, content: bytes = b"x") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, part in docx("words").items():
            archive.writestr(name, part)
        archive.writestr(info, content)
    return packed.getvalue()


def flagged_as_encrypted(data: bytes) -> bytes:
    """Every entry says that it is encrypted, in both of its heads."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = changed.find(mark)
        while at >= 0:
            changed[at + offset] |= 1
            at = changed.find(mark, at + 4)
    return bytes(changed)


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"word/document.xml": "x"}, "docx"),
        ({"ppt/presentation.xml": "x"}, "pptx"),
        ({"xl/workbook.xml": "x"}, "xlsx"),
        ({"mimetype": MEDIA_TYPES["odt"], "content.xml": "x"}, "odt"),
        ({"mimetype": MEDIA_TYPES["epub"], "META-INF/container.xml": "x"}, "epub"),
        ({"META-INF/container.xml": "x"}, "epub"),
    ],
)
def test_what_is_inside_tells_the_kind_and_not_the_name(parts: Parts, kind: str) -> None:
    assert resolve(zipped(parts), media("zip")).format == kind
    other = "pptx" if kind != "pptx" else "docx"
    found = resolve(zipped(parts), media(other))
    assert found.format == kind
    assert kind.upper() in found.warning


def test_an_archive_of_files_is_no_document() -> None:
    error = refused(zipped({"a.txt": "x", "b/c.txt": "y"}), "zip")
    assert error.reason == "unsupported"
    assert "Unpack" in error.hint


def test_a_bomb_is_not_opened() -> None:
    parts = {**docx("words"), "word/big.xml": b"\0" * 30_000_000}
    assert refused(zipped(parts)).reason == "bomb"


def test_a_bomb_that_says_it_is_small_is_not_opened() -> None:
    parts = {**docx("words"), "word/big.xml": b"\0" * 30_000_000}
    error = refused(shrunk(zipped(parts)))
    assert error.reason == "bomb"
    assert "more than 10 MB" in error.message


def test_a_bomb_spread_over_entries_that_say_they_are_small_is_not_opened() -> None:
    parts = {**docx("words"), **{f"word/{n}.xml": b"\0" * 2_000_000 for n in range(20)}}
    assert refused(shrunk(zipped(parts))).reason == "bomb"


def test_a_broken_entry_is_left_to_the_reader_and_its_bytes_count_up_to_there() -> None:
    chance = random.Random(7)
    noise = chance.randbytes(20_000)
    data = bytearray(zipped({**docx("words"), "word/media/a.png": noise}))
    at = data.index(b"word/media/a.png") + len(b"word/media/a.png")
    data[at] = 0xFF
    assert resolve(bytes(data), media("docx")).format == "docx"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_entry_packed_as_no_document_may_be_is_refused(method: int) -> None:
    info = zipfile.ZipInfo("word/big.xml")
    info.compress_type = method
    error = refused(with_entry(info, bytes(1_000)))
    assert (error.reason, "packed" in error.message) == ("corrupt", True)


def test_many_entries_are_a_bomb_for_text_and_none_for_slides() -> None:
    many: Parts = {f"x/{n}": "" for n in range(1_100)}
    assert refused(zipped({**many, "word/document.xml": "x"})).reason == "bomb"
    assert resolve(zipped({**many, "ppt/presentation.xml": "x"}), media("pptx")).format == "pptx"


def test_a_small_file_that_packs_well_is_no_bomb() -> None:
    parts = {**docx("words"), "word/styles.xml": b" " * 5_000_000}
    assert resolve(zipped(parts), media("docx")).format == "docx"


@pytest.mark.parametrize(
    "name", ["../evil.xml", "word/../../evil.xml", "/etc/passwd", "..\\evil.xml", "c:/evil.xml"]
)
def test_an_entry_that_points_out_of_the_archive_is_refused(name: str) -> None:
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    assert refused(with_entry(info)).reason == "corrupt"


def test_a_symbolic_link_is_refused() -> None:
    info = zipfile.ZipInfo("word/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert refused(with_entry(info, b"/etc/passwd")).reason == "corrupt"


def test_a_password_is_seen_in_zip_odt_and_ole() -> None:
    assert refused(flagged_as_encrypted(zipped(docx("words")))).reason == "encrypted"
    manifest = "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"
    odt = {"mimetype": MEDIA_TYPES["odt"], "META-INF/manifest.xml": manifest}
    assert refused(zipped(odt), "odt").reason == "encrypted"
    ole = OLE + "EncryptedPackage".encode("utf-16-le")
    assert refused(ole, "ole").reason == "encrypted"


def test_an_old_office_file_names_the_way_out() -> None:
    error = refused(OLE + "WordDocument".encode("utf-16-le"), "ole")
    assert (error.reason, "DOCX" in error.hint) == ("unsupported", True)


def test_an_outlook_message_is_known_by_its_streams() -> None:
    data = OLE + "__properties_version1.0".encode("utf-16-le")
    assert resolve(data, media("ole")).format == "msg"


@pytest.mark.parametrize("cut", [30, 200, 500])
def test_a_cut_archive_is_corrupt(cut: int) -> None:
    data = zipped(docx("words"))
    assert refused(data[: len(data) - cut]).reason == "corrupt"


def test_what_is_no_container_passes_through() -> None:
    assert resolve(b"%PDF-1.7", media("pdf")) == media("pdf")


def test_an_entry_said_to_lie_before_the_file_is_broken_and_no_crash() -> None:
    data = bytearray(zipped({"mimetype": MEDIA_TYPES["odt"], "content.xml": "x"}))
    # The offset of the directory, too large by one: `zipfile` then seeks to before the start.
    end = data.rindex(b"PK\x05\x06")
    data[end + 16] += 1
    assert refused(bytes(data), "odt").reason == "corrupt"
