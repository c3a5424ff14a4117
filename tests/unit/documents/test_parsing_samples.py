"""Real files become text, and hostile ones end within their limits."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from citewell.documents.parsers.host import ParserHost
from citewell.domain.documents import FailureCode, ParsedText
from citewell.domain.errors import DocumentError

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data"

# Files of images only, and one behind a password: the right answer is a reason.
NOT_TEXT = {
    "libreoffice-writer-password.pdf": "encrypted",
    "imagemagick-ASCII85Decode.pdf": "no_text",
    "imagemagick-CCITTFaxDecode.pdf": "no_text",
    "imagemagick-images.pdf": "no_text",
    "imagemagick-lzw.pdf": "no_text",
    "grayscale-image.pdf": "no_text",
    "cmyk-image.pdf": "no_text",
}
CANARIES = {
    "multicolumn.pdf": "consectetuer",
    "fr_olap.pdf": "Il est maintenant établi que l’exploitation des logs",
    "korean-text-with-tables.pdf": "무이자할부, 다이어트할부",
    "layout-parser-paper-fast.pdf": "complicate the easy reuse of important innovations",
    "test.pptx": "04191ea8-5c73-4215-a1d3-1cfb43aaaf12",
    "test.xlsx": "6ff4173b-42a5-4784-9b19-f49caff4d93d",
    "test.docx": "AutoGen: Enabling Next-Gen LLM Applications",
    "fake.odt": "Lorem ipsum dolor sit amet.",
    "test.epub": "Chapter 2: More Content",
    "fake-doc.rtf": "My first paragraph.",
    "test_outlook_msg.msg": "Subject: Test Email Message",
    "fake-html-cp1252.html": "Die schöne Frau hat einen Kaffee",
    "test_mskanji.csv": "佐藤太郎,30,東京",
}
HOSTILE = {
    "malformed-office": 60,
    "malformed-pdf": 150,
    "html-parsing": 20,
    "csv": 20,
    "json-parsing": 60,
}


def files(folder: str) -> list[Path]:
    found = sorted(path for path in (SHARED / folder).rglob("*") if path.is_file())
    assert found, f"the shared data set {folder} is missing below {SHARED}"
    return found


async def outcome(host: ParserHost, path: Path) -> ParsedText | str:
    try:
        return await host.parse(path, path.name)
    except DocumentError as error:
        return error.reason if error.message and error.hint else "unexplained"


async def outcomes(host: ParserHost, paths: list[Path]) -> dict[str, ParsedText | str]:
    gate = asyncio.Semaphore(4)

    async def one(path: Path) -> ParsedText | str:
        async with gate:
            return await outcome(host, path)

    async with asyncio.TaskGroup() as group:
        tasks = {path.name: group.create_task(one(path)) for path in paths}
    return {name: task.result() for name, task in tasks.items()}


async def test_every_real_document_becomes_text_that_its_pages_and_headings_point_into() -> None:
    async with ParserHost() as host:
        found = await outcomes(host, files("docs"))
    assert {name: what for name, what in found.items() if isinstance(what, str)} == NOT_TEXT
    for name, parsed in found.items():
        if isinstance(parsed, ParsedText):
            assert parsed.text.strip(), name
            assert "\0" not in parsed.text, name
            check_offsets(name, parsed)
    for name, canary in CANARIES.items():
        parsed = found[name]
        assert isinstance(parsed, ParsedText)
        assert canary in parsed.text, name


def check_offsets(name: str, parsed: ParsedText) -> None:
    position = 0
    for number, page in enumerate(parsed.pages, 1):
        assert (page.number, page.start) == (number, position), name
        position = page.end
    assert not parsed.pages or position == len(parsed.text), name
    for heading in parsed.headings:
        assert heading.text.split(" ")[0] in parsed.text[heading.start :].split("\n")[0], name


async def test_slides_and_sheets_are_labelled_pages() -> None:
    async with ParserHost() as host:
        slides = await host.parse(SHARED / "docs/office/test.pptx", "test.pptx")
        sheets = await host.parse(SHARED / "docs/office/test.xlsx", "test.xlsx")
    assert len(slides.pages) == 6
    assert slides.pages[2].label == "A table to test parsing:"
    page = slides.pages[2]
    assert "| ColA | ColB |" in slides.text[page.start : page.end]
    assert [p.label for p in sheets.pages] == ["Sheet1", "09060124-b5e7-4717-9d07-3c046eb"]


async def test_a_running_title_is_text_of_its_first_page_only() -> None:
    async with ParserHost() as host:
        parsed = await host.parse(SHARED / "docs/pdf/fr_olap.pdf", "fr_olap.pdf")
    assert parsed.text.count("J. Aligon et al.") == 1
    assert len(parsed.pages) == 12


@pytest.mark.parametrize("folder", HOSTILE)
async def test_a_hostile_file_ends_in_text_or_a_reason(folder: str) -> None:
    every = files(f"security/{folder}")
    sample = every[:: max(1, len(every) // HOSTILE[folder])]
    started = time.monotonic()
    async with ParserHost(seconds=10) as host:
        found = await outcomes(host, sample)
    assert time.monotonic() - started < 60
    reasons = {what for what in found.values() if isinstance(what, str)}
    assert reasons <= {code.value for code in FailureCode} - {"internal", "poison", "crash"}


async def test_a_document_cut_anywhere_ends_in_text_or_a_reason(tmp_path: Path) -> None:
    paths = []
    for name in ("pdf/multi_page.pdf", "office/test.docx", "office/test.pptx", "office/test.epub"):
        data = (SHARED / "docs" / name).read_bytes()
        for part in range(1, 8):
            path = tmp_path / f"{part}-{Path(name).name}"
            path.write_bytes(data[: len(data) * part // 8])
            paths.append(path)
    async with ParserHost(seconds=10) as host:
        found = await outcomes(host, paths)
    reasons = {what for what in found.values() if isinstance(what, str)}
    assert reasons <= {"corrupt", "no_text", "bomb"}


async def test_a_document_with_flipped_bytes_ends_in_text_or_a_reason(tmp_path: Path) -> None:
    chance = random.Random(20)
    paths = []
    for source in files("docs/office"):
        data = bytearray(source.read_bytes())
        for part in range(4):
            for _ in range(1 + 20 * part):
                data[chance.randrange(len(data))] = chance.randrange(256)
            path = tmp_path / f"{part}-{source.name}"
            path.write_bytes(data)
            paths.append(path)
    async with ParserHost(seconds=10) as host:
        found = await outcomes(host, paths)
    reasons = {what for what in found.values() if isinstance(what, str)}
    assert reasons <= {"corrupt", "no_text", "bomb", "encoding", "encrypted", "unsupported"}
