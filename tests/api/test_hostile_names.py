"""S7: whatever a file, document or collection is called, the name leads nowhere.

The lists are those of the shared data: path traversals, extensions that servers run, names that
file systems refuse, naughty strings.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import httpx

from citewell.api.bodies.multipart import read_upload
from citewell.bootstrap import App
from citewell.documents.naming import clean_filename
from tests.api.conftest import shared, work_off
from tests.api.test_hostile_text import naughty
from tests.api.test_uploads import (
    BOUNDARY,
    END,
    FORM,
    URL,
    files_under,
    hostile_names,
    is_tame,
    named_file,
    one_piece,
    part,
)
from tests.conftest import Counted
from tests.unit.documents.packaged import docx, zipped

# One header that names a file, with nothing in it that a program could take for a path.
HARMLESS = re.compile(
    r"attachment; (?:filename=\"[\w. ~-]+\"|filename\*=utf-8''(?:[\w.~-]|%\w\w)+)"
)
SERVER_ID = re.compile(r"[0-9a-f]{32}")
# Each of so many names is sent in a short run; all of them are read as a form in any run.
PART, SMALL_PART = 20, 80


def names() -> list[str]:
    """Every line of the lists, once."""
    found = [*hostile_names(), *(text for text in naughty() if text)]
    assert len(found) > 1_300
    return found


def is_kept(name: str) -> bool:
    """Whether a name needs no taming at all: then it must come back as it was."""
    return bool(re.fullmatch(r"[\w. %;&()#-]{1,255}", name, re.ASCII)) and name.strip(" .") == name


def new_files(app: App, before: set[Path]) -> list[Path]:
    """What came to lie anywhere in or around the data directory."""
    return sorted(set(files_under(app.settings.home.parent)) - before)


async def test_no_name_of_a_file_leads_out_of_the_store_or_out_of_its_header(
    unhurried: httpx.AsyncClient, app: App, seed: int, storm: bool, record_property: Counted
) -> None:
    before = set(files_under(app.settings.home.parent))
    drawn = names() if storm else names()[seed % PART :: PART]
    kept = {}
    for number, name in enumerate(drawn):
        content = f"Text {number}.".encode()
        reply = await unhurried.post(URL, content=named_file(name, content), headers=FORM)
        assert reply.status_code in {202, 422}, (name, reply.text)
        if reply.status_code == 202:
            document = reply.json()["document"]
            assert is_tame(document["filename"]), name
            assert not is_kept(name) or document["filename"] == name
            kept[document["id"]] = content
    assert len(kept) > len(drawn) * 0.99
    record_property("names", len(kept))
    made = new_files(app, before)
    assert len(made) == len(kept)
    for path in made:
        assert path.is_relative_to(app.blobs.folder), path
        assert SERVER_ID.fullmatch(path.name), path
    for document, content in kept.items():
        reply = await unhurried.get(f"/api/v1/documents/{document}/original")
        assert reply.content == content
        assert HARMLESS.fullmatch(reply.headers["content-disposition"]), reply.headers


async def test_a_name_in_the_extended_syntax_counts_for_nothing() -> None:
    """RFC 7578 forbids `filename*` in forms: whoever sends both is taken at the plain one."""
    for name in names():
        extended = f"filename*=UTF-8''{quote(name, safe='', errors='replace')}"
        for plain, expected in (('; filename="plain.txt"', "plain.txt"), ("", "untitled")):
            head = f'Content-Disposition: form-data; name="file"{plain}; {extended}'
            body = f"--{BOUNDARY}\r\n{head}\r\n\r\nx\r\n".encode() + END
            upload = await read_upload(FORM["content-type"], one_piece(body))
            assert b"".join([piece async for piece in upload.pieces]) == b"x"
            assert clean_filename(upload.filename) == expected, name


async def test_no_name_in_any_other_field_touches_a_file(
    unhurried: httpx.AsyncClient, app: App, seed: int, storm: bool, record_property: Counted
) -> None:
    before = set(files_under(app.settings.home.parent))
    drawn = names() if storm else names()[seed % SMALL_PART :: SMALL_PART]
    accepted = 0
    for number, name in enumerate(drawn):
        said = {"title": name, "text": f"Text {number}."}
        for reply in (
            await unhurried.post(URL, json=said),
            await unhurried.post(URL, content=described(name, number), headers=FORM),
            await unhurried.post("/api/v1/collections", json={"name": name, "description": name}),
        ):
            assert reply.status_code in {201, 202, 409, 422}, (name, reply.text)
            accepted += reply.status_code == 202
        for path in (quote(name, safe=""), quote(name, safe="/")):
            for folder in ("documents", "collections", "jobs"):
                reply = await unhurried.get(f"/api/v1/{folder}/x{path}")
                assert reply.status_code < 500, (folder, path, reply.text)
    assert accepted > len(drawn)
    record_property("documents", accepted)
    made = new_files(app, before)
    assert len(made) == accepted
    assert all(path.is_relative_to(app.blobs.folder) for path in made)
    assert all(SERVER_ID.fullmatch(path.name) for path in made)


def described(name: str, number: int) -> bytes:
    metadata = json.dumps({name: name}).encode()
    fields = part("title", name.encode("utf-8", "replace")) + part("metadata", metadata)
    return fields + part("file", f"File {number}.".encode(), "a.txt") + END


# JSON, but a name is there twice, or a text that no database column holds.
STRICTER = {"y_object_duplicated_key.json", "y_string_null_escape.json"}


async def test_metadata_that_parsers_of_json_disagree_about_is_refused(
    unhurried: httpx.AsyncClient,
) -> None:
    taken = set()
    files = sorted((shared("security/json-parsing") / "test_parsing").glob("*.json"))
    for path in files:
        for value in (path.read_bytes(), b'{"k": ' + path.read_bytes() + b"}"):
            body = part("metadata", value) + part("file", path.name.encode(), "a.txt") + END
            reply = await unhurried.post(URL, content=body, headers=FORM)
            assert reply.status_code in {202, 413, 422}, (path.name, reply.text)
            if reply.status_code == 202:
                taken.add(path.name)
    names = {path.name for path in files}
    assert len(names) > 150
    assert {one for one in taken if one.startswith("n_")} == set()
    assert {one for one in names - taken if one.startswith("y_")} == STRICTER


# What a file is called, what it is, and how it must end.
MISMATCHED: Sequence[tuple[str, bytes, set[str]]] = (
    ("report.pdf", zipped(docx("The lamp burns.")), {"ready"}),
    ("report.txt", zipped(docx("The lamp burns.")), {"ready"}),
    ("report.docx", b"%PDF-1.7\n%%EOF", {"corrupt", "no_text"}),
    ("picture.docx", b"\x89PNG\r\n\x1a\n" + bytes(60), {"unsupported", "corrupt"}),
    ("setup.pdf", b"MZ\x90\x00" + bytes(200), {"unsupported", "corrupt"}),
    ("program.txt", b"\x7fELF\x02\x01\x01" + bytes(200), {"unsupported", "encoding"}),
    ("archive.docx", zipped({"a.txt": "x"}), {"unsupported"}),
    ("page.jpg", b"<html><body><p>The lamp burns.</p></body></html>", {"ready", "unsupported"}),
    ("words.html", b"The lamp burns.", {"ready"}),
    ("empty.pdf", b"", {"empty"}),
    ("empty", b"", {"empty"}),
)


async def test_a_file_that_is_not_what_its_name_says_is_read_as_what_it_is_or_refused(
    unhurried: httpx.AsyncClient, app: App
) -> None:
    sent = [(name, await sent_file(unhurried, name, content)) for name, content, _ in MISMATCHED]
    await work_off(app)
    for (name, reply), (*_, ends) in zip(sent, MISMATCHED, strict=True):
        if reply.status_code == 422:
            assert ends == {"empty"}, (name, reply.text)
            continue
        assert reply.status_code == 202, (name, reply.text)
        address = f"/api/v1/documents/{reply.json()['document']['id']}"
        shown = (await unhurried.get(address)).json()
        ended = shown["failure"]["code"] if shown["failure"] else shown["status"]
        assert ended in ends, (name, shown)
        assert ended != "ready" or "burns" in (await unhurried.get(f"{address}/text")).text, name


async def sent_file(client: httpx.AsyncClient, name: str, content: bytes) -> httpx.Response:
    return await client.post(URL, content=part("file", content, name) + END, headers=FORM)
