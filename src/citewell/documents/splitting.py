"""Text to chunks: spans of the canonical text that follow its structure and fit the embedder.

A chunk is a span, never a copy; together, chunks cover everything that is not white space, and
running text that is cut overlaps a little.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from semantic_text_splitter import CodeSplitter, MarkdownSplitter, TextSplitter

from citewell.documents.code_outline import Outline, outline
from citewell.domain.documents import Heading, PageSpan, ParsedText, TextKind
from citewell.domain.sentences import Span, sentences

TARGET_CHARS = 1000
MIN_CHARS = 300
# A chunk of running text begins with the end of the one before it, so that what a cut parts is
# still whole somewhere.
OVERLAP_CHARS = 250
# Scripts that cost many tokens a letter get shorter chunks, but not so short that a thought is cut:
# the embedder reads what is over its length in a second pass.
LEAST_CAPACITY = 800
# A document that is a little longer than a chunk is better kept whole: its windows are matched too.
WHOLE_CHARS = 2000
WINDOW_CHARS = 400
# Below this a chunk is its own window.
WINDOWED_CHARS = 500
TOKENS = 240
SAMPLE_CHARS = 4000

_GRAMMARS = {
    "python": "python", "javascript": "javascript", "java": "java", "go": "go", "rust": "rust",
    "c": "c", "cpp": "cpp", "csharp": "c_sharp", "ruby": "ruby", "bash": "bash", "shell": "bash",
    "php": "php:language_php", "typescript": "typescript:language_typescript",
    "tsx": "typescript:language_tsx",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of the text with what stands around it; `windows` are relative to `start`."""

    start: int
    end: int
    page: int | None
    page_label: str
    headings: tuple[str, ...]
    windows: tuple[Span, ...]


def split(parsed: ParsedText, count_tokens: Callable[[str], int]) -> list[Piece]:
    """The pieces of a text, in order; none when it is all white space.

    `count_tokens` is the embedder's own: scripts that cost many tokens a letter get shorter chunks.
    """
    text = parsed.text
    most = _capacity(text, count_tokens)
    code = outline(text) if parsed.kind is TextKind.CODE else None
    if len(text) <= most * WHOLE_CHARS // TARGET_CHARS:
        spans = [_trim(text, 0, len(text))]
    else:
        fine = _boundaries(parsed, most)
        spans = [_trim(text, *span) for span in _pack(fine, parsed, most)]
    return [_piece(parsed, code, start, end) for start, end in spans if end > start]


def windows(text: str) -> tuple[Span, ...]:
    """Overlapping runs of whole sentences of about `WINDOW_CHARS`, () for a short text."""
    if len(text) <= WINDOWED_CHARS:
        return ()
    parts = [p for span in sentences(text) for p in _shorten(text, span)]
    found: list[Span] = []
    first = 0
    while first < len(parts):
        last = first
        while last + 1 < len(parts) and parts[last + 1][1] - parts[first][0] <= WINDOW_CHARS:
            last += 1
        found.append((parts[first][0], parts[last][1]))
        if last == len(parts) - 1:
            break
        first = last if last > first else last + 1
    return tuple(found)


def _capacity(text: str, count_tokens: Callable[[str], int]) -> int:
    middle = max(0, len(text) // 2 - SAMPLE_CHARS // 2)
    sample = text[middle : middle + SAMPLE_CHARS]
    tokens = max(1, count_tokens(sample))
    return max(LEAST_CAPACITY, min(TARGET_CHARS, TOKENS * len(sample) // tokens))


def _boundaries(parsed: ParsedText, most: int) -> list[Span]:
    """Pieces no longer than `most`, cut where the structure is coarsest."""
    text = parsed.text
    # A labelled page (a sheet, a slide, an attachment) is a text of its own.
    labelled = [page.start for page in parsed.pages if page.label]
    overlap = 0 if labelled else OVERLAP_CHARS
    splitter = _splitter(parsed.kind, parsed.code_language, most, overlap)
    return [
        (begin + start, begin + start + len(piece))
        for begin, end in pairwise(sorted({0, *labelled, len(text)}))
        for start, piece in splitter.chunk_indices(text[begin:end])
    ]


@lru_cache(maxsize=64)
def _splitter(
    kind: TextKind, language: str, most: int, overlap: int
) -> CodeSplitter | MarkdownSplitter | TextSplitter:
    if kind is TextKind.MARKDOWN:
        return MarkdownSplitter(most, overlap=overlap)
    if kind is TextKind.CODE and language in _GRAMMARS:
        package, _, function = _GRAMMARS[language].partition(":")
        grammar = importlib.import_module(f"tree_sitter_{package}")
        return CodeSplitter(getattr(grammar, function or "language")(), most)
    # Rows stand alone, and their head is in front of every chunk of them.
    return TextSplitter(most, overlap=overlap if kind is TextKind.PROSE else 0)


def _pack(pieces: list[Span], parsed: ParsedText, most: int) -> list[Span]:
    """Join neighbours up to `most` characters, but begin anew at a page or an upper heading."""
    breaks = {page.start for page in parsed.pages if page.label}
    breaks |= {heading.start for heading in parsed.headings if heading.level <= 2}
    packed: list[Span] = []
    for start, end in pieces:
        if packed:
            begun, ended = packed[-1]
            fresh = any(b in breaks for b in range(ended, start + 1)) if breaks else False
            if end - begun <= most and not (fresh and ended - begun >= MIN_CHARS):
                packed[-1] = (begun, end)
                continue
        packed.append((start, end))
    return packed


def _piece(parsed: ParsedText, code: Outline | None, start: int, end: int) -> Piece:
    page = _page_at(parsed.pages, start)
    path = code.enclosing(start) if code else _heading_path(parsed.headings, start, end)
    return Piece(
        start,
        end,
        page.number if page else None,
        page.label if page else "",
        path,
        windows(parsed.text[start:end]),
    )


def _page_at(pages: tuple[PageSpan, ...], place: int) -> PageSpan | None:
    found = None
    for page in pages:
        if page.start > place:
            break
        found = page
    return found


def _heading_path(headings: tuple[Heading, ...], start: int, end: int) -> tuple[str, ...]:
    """The headings above `start`; one that opens the span itself counts."""
    path: list[Heading] = []
    opening = start + (end - start) // 4  # a heading further down is not above most of it
    for heading in headings:
        if heading.start > opening:
            break
        if heading.start > start and path and path[-1].start >= start:
            break
        path = [h for h in path if h.level < heading.level]
        path.append(heading)
    return tuple(h.text for h in path)


def _shorten(text: str, span: Span) -> list[Span]:
    start, end = span
    if end - start <= WINDOW_CHARS:
        return [span]
    found = TextSplitter(WINDOW_CHARS).chunk_indices(text[start:end])
    return [(start + at, start + at + len(piece)) for at, piece in found]


def _trim(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    begin = start + len(piece) - len(piece.lstrip())
    return begin, max(begin, start + len(piece.rstrip()))
