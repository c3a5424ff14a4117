"""Pieces to chunks: what is put in front of each for searching, and its analysed words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from citewell.documents.code_outline import outline
from citewell.documents.splitting import Piece, split
from citewell.domain.documents import Chunk, ParsedText, TextKind
from citewell.domain.ids import ChunkId, VersionId, chunk_id
from citewell.index.analyzer import analyze

# Raised whenever the same text would become other chunks; old versions are then made anew.
PIPELINE = "2"
CONTEXT_CHARS = 400
PATH_CHARS = 120
METADATA_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a document beside its text."""

    title: str
    filename: str
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def chunk_text(
    parsed: ParsedText,
    version: VersionId,
    described: Described,
    count_tokens: Callable[[str], int],
) -> list[Chunk]:
    """The chunks of a text: the same for the same arguments, whenever and wherever."""
    head = _table_head(parsed) if parsed.kind is TextKind.TABLE else ""
    if parsed.kind is TextKind.CODE:
        head = outline(parsed.text).head
    fields = " ".join(analyze(_fields(described), language=parsed.language))
    return [
        _chunk(
            parsed,
            chunk_id(version, PIPELINE, ordinal),
            (ordinal, piece),
            _context(described, piece, head),
            fields,
        )
        for ordinal, piece in enumerate(split(parsed, count_tokens))
    ]


def _chunk(
    parsed: ParsedText, identity: ChunkId, placed: tuple[int, Piece], context: str, fields: str
) -> Chunk:
    ordinal, piece = placed
    text = parsed.text[piece.start : piece.end]
    words = analyze(f"{context}\n{text}", language=parsed.language, kind=parsed.kind)
    return Chunk(
        id=identity,
        ordinal=ordinal,
        start=piece.start,
        end=piece.end,
        page=piece.page,
        page_label=piece.page_label,
        headings=piece.headings,
        context=context,
        kind=parsed.kind,
        tokens=len(words),
        windows=piece.windows,
        terms=" ".join(words),
        field_terms=fields,
    )


def _context(described: Described, piece: Piece, head: str) -> str:
    """Path, title, heading path, page label and file head: indexed, never quoted."""
    parts = [_path(described), described.title, *piece.headings, piece.page_label, head]
    seen: dict[str, None] = {}
    for part in parts:
        if part.strip():
            seen.setdefault(part.strip())
    return " › ".join(seen)[:CONTEXT_CHARS]


def _path(described: Described) -> str:
    """The folders that a file lies in, and its name, as words; a bare name says little."""
    path = PurePosixPath(described.filename)
    if len(path.parts) < 2:
        return ""
    name = " ".join([*path.parts[:-1], path.stem.partition("#")[0]])
    return name.replace("-", " ").replace("_", " ")[:PATH_CHARS]


def _fields(described: Described) -> str:
    path = PurePosixPath(described.filename)
    name = " ".join([*path.parts[:-1], path.stem]).replace("-", " ").replace("_", " ")
    values = [str(v) for v in described.metadata.values() if isinstance(v, str | int | float)]
    return " ".join([name, described.filename, *described.tags, *values])[:METADATA_CHARS]


def _table_head(parsed: ParsedText) -> str:
    first = parsed.text.lstrip().split("\n", 1)[0]
    return "" if first.startswith(("{", "[")) else first[:CONTEXT_CHARS]
