"""A hundred thousand real passages for the speed runs, cut from the quality sets.

Each piece is one or a few sentences of a document (up to `PIECE` characters) and remembers
its document, so that a ranking of pieces can be judged by the judgements of the documents. The
vectors are made once with the bundled model and kept in a cache folder outside the repository.
"""

import asyncio
import hashlib
import json
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from citewell.domain.sentences import sentences
from citewell.evaluation.metrics import ndcg
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.embedding import PassageText

PIECE = 150
SETS = ("scifact", "two_hop", "multihop", "cranfield", "squad", "product_docs", "xquad_en")


@dataclass(frozen=True, slots=True)
class Pieces:
    """Texts with the id of the document that each was cut from, and their unit vectors."""

    texts: list[str]
    documents: list[str]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Question:
    """A judged question: `relevant` maps document ids to grades."""

    text: str
    relevant: dict[str, int]


def cut(text: str) -> list[str]:
    """Whole sentences packed up to `PIECE` characters; longer ones are cut between words."""
    packed: list[str] = []
    held = ""
    for start, end in sentences(text):
        sentence = text[start:end].strip()
        if held and len(held) + len(sentence) > PIECE:
            packed.append(held)
            held = ""
        held = f"{held} {sentence}".strip()
    whole = [*packed, held] if held else packed
    return [part for piece in whole for part in textwrap.wrap(piece, PIECE)]


def load(data: Path, count: int, cache: Path) -> Pieces:
    """The first `count` pieces of the quality sets, embedded; SciFact comes first."""
    texts: list[str] = []
    documents: list[str] = []
    for name in SETS:
        with (data / "quality" / name / "corpus.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                found = cut(f"{record.get('title', '')}. {record['text']}")
                texts += found
                documents += [f"{name}/{record['id']}"] * len(found)
    if len(texts) < count:
        raise SystemExit(f"Only {len(texts)} pieces in {data}; {count} are needed.")
    texts, documents = texts[:count], documents[:count]
    return Pieces(texts, documents, vectors(texts, cache))


def vectors(texts: list[str], cache: Path) -> NDArray[np.float32]:
    """One unit vector per text, from the cache when the same texts were embedded before."""
    key = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    kept = cache / f"pieces-{key}.npy"
    if kept.exists():
        return np.load(kept, allow_pickle=False)  # type: ignore[no-any-return]  # numpy types it as Any
    made = asyncio.run(_embed(texts))
    cache.mkdir(parents=True, exist_ok=True)
    np.save(kept, made)
    return made


def questions(data: Path, count: int) -> list[Question]:
    """The first `count` judged questions of SciFact."""
    folder = data / "quality" / "scifact"
    grades: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines():
        query, document, grade = line.split("\t")
        grades.setdefault(query, {})[f"scifact/{document}"] = int(grade)
    with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Question(row["text"], grades[row["id"]]) for row in rows if row["id"] in grades][:count]


def ndcg_at_10(ranked: list[str], relevant: dict[str, int]) -> float:
    """nDCG@10 of document ids, the first mention of each counting."""
    return ndcg(list(dict.fromkeys(ranked)), relevant, 10)


async def _embed(texts: list[str]) -> NDArray[np.float32]:
    embedder = BuiltinEmbedder()
    try:
        out: list[NDArray[np.float32]] = []
        for start in range(0, len(texts), 2048):
            batch = [PassageText(text) for text in texts[start : start + 2048]]
            out += [rows[0] for rows in await embedder.embed_passages(batch)]
            print(f"\r{start + len(batch)}/{len(texts)} embedded", end="", flush=True)
        print()
        return np.stack(out).astype(np.float32)
    finally:
        await embedder.close()
