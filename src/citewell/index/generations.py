"""Generations: a projection on disk, renamed into place whole, checked before it serves.

A generation is a folder with a manifest that names every file with its size and SHA-256. One that
is missing a file, truncated or changed by a bit is not loaded; nothing in it is executable data.
"""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import faiss
import numpy as np
from numpy.lib import format as npy

from citewell.index import folders
from citewell.index.blocks import Block
from citewell.index.forward import Forward
from citewell.index.snapshot import Mask, Snapshot

FORMAT = 3
MANIFEST = "manifest.json"
LEXICAL = "lexical"
COMMITTED = "meta.json"
LINK_ATTEMPTS = 10


class DamagedError(Exception):
    """A generation that must not serve; the message names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds; `files` maps names to [size, SHA-256]."""

    format: int
    position: int
    blocks: list[dict[str, Any]]
    files: dict[str, list[Any]]
    # One that was written before there were marks agrees with no change log, and is made again.
    mark: str = ""


def newest(folder: Path) -> Path | None:
    """The generation that was renamed into place last, by its position."""
    found = [p for p in folder.glob("generation-*") if p.is_dir()]
    return max(found, key=_order, default=None)


def save(folder: Path, snapshot: Snapshot, lexical_folder: Path) -> Path:
    """Write a generation and remove the older ones; returns where it is.

    Blocks that an older generation holds are linked, not written again.
    """
    temporary = folder / folders.own_name("incoming")
    temporary.mkdir(parents=True)
    try:
        older = newest(folder)
        for block, mask in snapshot.blocks:
            _write_block(temporary, older, block, mask)
        _link_lexical(lexical_folder, temporary / LEXICAL)
        manifest = Manifest(
            FORMAT,
            snapshot.position,
            [
                {"name": b.name, "probes": b.probes, "recall": b.recall, "masked": m is not None}
                for b, m in snapshot.blocks
            ],
            {str(p.relative_to(temporary)): list(_seal(p)) for p in _files(temporary)},
            snapshot.mark,
        )
        _write_manifest(temporary / MANIFEST, manifest)
        final = folder / f"generation-{snapshot.position:012d}-{uuid4().hex[:8]}"
        temporary.rename(final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for other in folder.glob("generation-*"):
        if other != final and _order(other) <= _order(final):
            folders.remove(other)
    return final


def discard(folder: Path) -> None:
    """Remove every generation."""
    for generation in folder.glob("generation-*"):
        folders.remove(generation)


def check(generation: Path) -> Manifest:
    """The manifest, after every file has been read and compared. Raises `DamagedError`."""
    manifest = _read_manifest(generation)
    if manifest.format != FORMAT:
        raise DamagedError(f"{generation.name} has format {manifest.format}, not {FORMAT}")
    present = {str(p.relative_to(generation)) for p in _files(generation)} - {MANIFEST}
    if present != set(manifest.files):
        odd = sorted(present ^ set(manifest.files))
        raise DamagedError(f"{generation.name}/{odd[0]} is missing or unknown")
    for name, sealed in manifest.files.items():
        if list(_seal(generation / name)) != sealed:
            raise DamagedError(f"{generation.name}/{name} is not what was written")
    return manifest


def load(
    generation: Path, lexical_folder: Path
) -> tuple[Manifest, list[tuple[Block, Mask | None]]]:
    """Manifest and blocks of a checked generation; its words are put into `lexical_folder`.

    Raises `DamagedError`.
    """
    manifest = check(generation)
    _link_lexical(generation / LEXICAL, lexical_folder)
    return manifest, [_read_block(generation, said) for said in manifest.blocks]


def _write_manifest(path: Path, manifest: Manifest) -> None:
    content = json.dumps(asdict(manifest), indent=1)
    # Its own checksum comes first: a changed position or probe count is valid JSON too.
    seal = hashlib.sha256(content.encode()).hexdigest()
    path.write_text(f"{seal}\n{content}", "utf-8")


def _read_manifest(generation: Path) -> Manifest:
    try:
        seal, _, content = (generation / MANIFEST).read_text("utf-8").partition("\n")
        if seal != hashlib.sha256(content.encode()).hexdigest():
            raise DamagedError(f"{generation.name}/{MANIFEST} is not what was written")
        return Manifest(**json.loads(content))
    except (OSError, ValueError, TypeError) as error:
        raise DamagedError(f"{generation.name}/{MANIFEST} cannot be read") from error


def _write_block(folder: Path, older: Path | None, block: Block, mask: Mask | None) -> None:
    if older is None or not _link_block(older, folder, block.name):
        for part in ("keys", "offsets", "rows"):
            np.save(folder / f"{block.name}.{part}.npy", getattr(block, part))
        for part in ("versions", "documents"):
            ids = np.ascontiguousarray(getattr(block, part)).view(np.uint8).reshape(-1, 16)
            np.save(folder / f"{block.name}.{part}.npy", ids)
        for part in ("starts", "terms", "counts", "lengths"):
            np.save(folder / f"{block.name}.{part}.npy", getattr(block.words, part))
        faiss.write_index(block.engine, str(folder / f"{block.name}.faiss"))
    if mask is not None:
        np.save(folder / f"{block.name}.alive.npy", mask)


def _link_block(older: Path, folder: Path, name: str) -> bool:
    parts = [p for p in older.glob(f"{name}.*") if not p.name.endswith(".alive.npy")]
    try:
        for part in parts:
            os.link(part, folder / part.name)
    except OSError:
        for part in parts:
            (folder / part.name).unlink(missing_ok=True)
        return False
    return bool(parts)


def _read_block(folder: Path, said: dict[str, Any]) -> tuple[Block, Mask | None]:
    name = said["name"]

    def read(part: str) -> Any:
        # `np.load` would open an archive and call it an array.
        with (folder / f"{name}.{part}.npy").open("rb") as file:
            return npy.read_array(file, allow_pickle=False)

    def mapped(part: str) -> Any:
        # As a plain array: reading rows of the other kind takes twice as long.
        return np.asarray(npy.open_memmap(folder / f"{name}.{part}.npy", mode="r"))

    block = Block(
        keys=read("keys"),
        offsets=read("offsets"),
        rows=mapped("rows"),
        versions=read("versions").view("V16").reshape(-1),
        documents=read("documents").view("V16").reshape(-1),
        words=Forward(read("starts"), mapped("terms"), mapped("counts"), read("lengths")),
        engine=faiss.read_index(str(folder / f"{name}.faiss")),
        probes=said["probes"],
        recall=said["recall"],
        name=name,
    )
    return block, read("alive") if said["masked"] else None


def _link_lexical(source: Path, target: Path) -> None:
    """Link the segments that are committed, which never change, and copy what names them.

    A background merge may commit or remove segments meanwhile; then begin again. Files that it is
    still writing belong to no committed segment and are left out.
    """
    for attempt in range(LINK_ATTEMPTS):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        committed = (source / COMMITTED).read_bytes()
        segments = {s["segment_id"].replace("-", "") for s in json.loads(committed)["segments"]}
        try:
            for path in source.iterdir():
                if path.name.partition(".")[0] in segments:
                    os.link(path, target / path.name)
        except FileNotFoundError:
            if attempt == LINK_ATTEMPTS - 1:
                raise
            continue
        if (source / COMMITTED).read_bytes() == committed:
            (target / COMMITTED).write_bytes(committed)
            return
    raise OSError(f"The words in {source} changed each of {LINK_ATTEMPTS} times they were linked.")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _seal(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _order(generation: Path) -> tuple[str, float]:
    modified = 0.0
    with suppress(OSError):
        modified = generation.stat().st_mtime
    return generation.name.split("-")[1], modified
