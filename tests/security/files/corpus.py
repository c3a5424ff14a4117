"""Files of strangers: the collected ones, one file for each case, and copies with wrong bytes."""

import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data"
FOLDERS = ("pdf", "office", "image", "audio")
Files = Mapping[str, bytes]

# Of each kind that is read one file, and words that stand in it.
GOOD = {
    "pdf/fake-memo.pdf": "20,000 bottles of water",
    "pdf/026-latex-multicolumn/multicolumn.pdf": "consectetuer",
    "office/test.docx": "AutoGen: Enabling Next-Gen LLM Applications",
    "office/test.pptx": "04191ea8-5c73-4215-a1d3-1cfb43aaaf12",
    "office/test.xlsx": "6ff4173b-42a5-4784-9b19-f49caff4d93d",
    "office/fake.odt": "Lorem ipsum dolor sit amet.",
    "office/test.epub": "Chapter 2: More Content",
    "office/fake-doc.rtf": "My first paragraph.",
    "office/test_outlook_msg.msg": "Subject: Test Email Message",
    "office/eml_with_attachment.eml": "attachment",
    "office/fake-html-cp1252.html": "Die schöne Frau hat einen Kaffee",
    "office/test_mskanji.csv": "佐藤太郎,30,東京",
    "owasp/Password_Storage_Cheat_Sheet.md": "Argon2id",
}


def shared(name: str) -> Path:
    """A file or folder of the shared test data."""
    path = (SHARED / name).resolve()
    assert path.exists(), f"The shared test data is missing: {path}"
    return path


def good_files() -> Files:
    return {Path(name).name: shared(f"docs/{name}").read_bytes() for name in GOOD}


def collected() -> Files:
    """Every file of the collections of malformed ones; a page for each case of the HTML suite."""
    found = {
        f"{kind}-{path.name}": path.read_bytes()
        for kind in (*(f"malformed-{folder}" for folder in FOLDERS), "csv", "json-parsing")
        for path in _files(f"security/{kind}")
    }
    return {**found, **dict(_pages())}


def _files(folder: str) -> list[Path]:
    found = sorted(path for path in shared(folder).rglob("*") if path.is_file())
    return [path for path in found if path.name != "LICENSE.upstream"]


def _pages() -> Iterator[tuple[str, bytes]]:
    for path in _files("security/html-parsing"):
        yield f"html-{path.parent.name}-{path.name}.html", path.read_bytes()
        if path.suffix != ".test":
            continue
        suite = json.loads(path.read_bytes())
        for number, case in enumerate(suite.get("tests", suite.get("xmlViolationTests", []))):
            page = case["input"] if isinstance(case["input"], str) else json.dumps(case["input"])
            yield f"html-{path.stem}-{number}.html", page.encode("utf-8", "surrogatepass")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A copy with wrong bytes; those of an archive may lie inside of one of its parts."""
    if content.startswith(b"PK") and chance.random() < 0.5:
        return _inside(content, chance)
    return chance.choice(_WAYS)(content, chance)


def _inside(content: bytes, chance: random.Random) -> bytes:
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
            names = old.namelist()
            wrong = chance.choice(names)
            for name in dict.fromkeys(names):
                part = old.read(name)
                new.writestr(name, chance.choice(_WAYS)(part, chance) if name == wrong else part)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, IndexError):
        return chance.choice(_WAYS)(content, chance)
    except RuntimeError:  # It has a password.
        return chance.choice(_WAYS)(content, chance)
    return packed.getvalue()


def _span(content: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(content) + 1)
    return start, min(len(content), start + chance.choice((1, 4, 64, 1024)))


def _flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content or b"\0")
    for _ in range(chance.choice((1, 3, 16, 64))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _overwritten(content: bytes, chance: random.Random) -> bytes:
    start, end = _span(content, chance)
    filling = chance.choice((b"\0", b"\xff", b"\x7f", b"9", b"<", b"(", b"\x80"))
    return content[:start] + filling * (end - start) + content[end:]


def _without(content: bytes, chance: random.Random) -> bytes:
    start, end = _span(content, chance)
    return content[:start] + content[end:]


def _repeated(content: bytes, chance: random.Random) -> bytes:
    start, end = _span(content, chance)
    return content[:end] + content[start:end] * chance.choice((1, 8, 64)) + content[end:]


def _truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _moved(content: bytes, chance: random.Random) -> bytes:
    start, end = _span(content, chance)
    rest, at = content[:start] + content[end:], chance.randrange(len(content) + 1)
    return rest[:at] + content[start:end] + rest[at:]


_WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flipped,
    _overwritten,
    _without,
    _repeated,
    _truncated,
    _moved,
)
