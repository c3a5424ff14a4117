"""One peer of promise P3: builds its index over given vectors, then answers questions.

Runs in an environment of its own (`benchmarks/speed/peers.txt`) and imports nothing of Citewell.
usage: python peers.py NAME FOLDER; FOLDER holds pieces.json, vectors.npy, model.onnx and
tokenizer.json. Writes a line of JSON when it is ready, and one for every line of JSON that it
reads, `{"question", "count"}`: the milliseconds and the rows found. Every peer embeds the question
itself, with the same model in the same runtime, and gives the texts that it found: a
search that only counts rows is of no use to anybody.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

# A question and how many pieces are wanted; the row and the text of each, best first.
Found = list[tuple[int, str]]


class Search(Protocol):
    def __call__(self, question: str, count: int) -> Found: ...


class Encoder:
    """The same MiniLM as the product's, on onnxruntime with its default threads."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.inputs = {i.name for i in self.session.get_inputs()}

    def __call__(self, text: str) -> np.ndarray[Any, Any]:
        encoded = self.tokenizer.encode(text)
        ids = np.array([encoded.ids], dtype=np.int64)
        feed = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        states = self.session.run(None, {k: v for k, v in feed.items() if k in self.inputs})[0]
        vector: np.ndarray[Any, Any] = states[0].mean(0)
        unit: np.ndarray[Any, Any] = vector / np.linalg.norm(vector)
        return unit.astype(np.float32)


def langchain(texts: list[str], vectors: Any, encode: Encoder) -> tuple[Search, str]:
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_community.vectorstores import FAISS
    from langchain_core.embeddings import Embeddings

    class Same(Embeddings):
        def embed_documents(self, many: list[str]) -> list[list[float]]:
            return [encode(text).tolist() for text in many]

        def embed_query(self, text: str) -> list[float]:
            return encode(text).tolist()  # type: ignore[no-any-return]

    rows = [{"row": i} for i in range(len(texts))]
    store = FAISS.from_embeddings(list(zip(texts, vectors.tolist(), strict=True)), Same(), rows)
    words = BM25Retriever.from_texts(texts, metadatas=rows)
    meaning = store.as_retriever(search_kwargs={})
    both = EnsembleRetriever(retrievers=[meaning, words], weights=[0.5, 0.5])

    def search(question: str, count: int) -> Found:
        words.k = meaning.search_kwargs["k"] = count
        return [(d.metadata["row"], d.page_content) for d in both.invoke(question)[:count]]

    return search, "langchain-community"


def chroma(texts: list[str], vectors: Any, encode: Encoder) -> tuple[Search, str]:
    import chromadb

    folder = tempfile.mkdtemp()
    client = chromadb.PersistentClient(
        folder, settings=chromadb.Settings(anonymized_telemetry=False)
    )
    store = client.create_collection("pieces", metadata={"hnsw:space": "cosine"})
    for i in range(0, len(texts), 5000):
        ids = [str(j) for j in range(i, min(i + 5000, len(texts)))]
        store.add(ids=ids, embeddings=vectors[i : i + 5000], documents=texts[i : i + 5000])

    def search(question: str, count: int) -> Found:
        found = store.query(query_embeddings=[encode(question)], n_results=count)
        rows = (int(x) for x in found["ids"][0])
        return list(zip(rows, (found["documents"] or [[]])[0], strict=True))

    return search, "chromadb"


def lancedb(texts: list[str], vectors: Any, encode: Encoder) -> tuple[Search, str]:
    import lancedb as lance
    import pyarrow as pa
    from lancedb.rerankers import RRFReranker

    base = lance.connect(tempfile.mkdtemp())
    table = pa.table(
        {
            "row": pa.array(range(len(texts)), pa.int64()),
            "text": pa.array(texts),
            "vector": pa.FixedSizeListArray.from_arrays(
                pa.array(vectors.ravel(), pa.float32()), vectors.shape[1]
            ),
        }
    )
    store = base.create_table("pieces", table)
    store.create_fts_index("text")
    store.create_index(metric="cosine", vector_column_name="vector", index_type="IVF_HNSW_SQ")
    reranker = RRFReranker()

    def search(question: str, count: int) -> Found:
        asked = store.search(query_type="hybrid").vector(encode(question)).text(question)
        found = asked.rerank(reranker).select(["row", "text"]).limit(count).to_arrow()
        return list(zip(found["row"].to_pylist(), found["text"].to_pylist(), strict=True))

    return search, "lancedb"


def haystack(texts: list[str], vectors: Any, encode: Encoder) -> tuple[Search, str]:
    from haystack import Document
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers.in_memory import (
        InMemoryBM25Retriever,
        InMemoryEmbeddingRetriever,
    )
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore(embedding_similarity_function="dot_product")
    store.write_documents(
        [
            Document(id=str(i), content=text, embedding=vector)
            for i, (text, vector) in enumerate(zip(texts, vectors.tolist(), strict=True))
        ]
    )
    words = InMemoryBM25Retriever(store)
    meaning = InMemoryEmbeddingRetriever(store)
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion")

    def search(question: str, count: int) -> Found:
        dense = meaning.run(query_embedding=encode(question).tolist(), top_k=count)["documents"]
        lexical = words.run(query=question, top_k=count)["documents"]
        joined = joiner.run(documents=[dense, lexical], top_k=count)["documents"]
        return [(int(d.id), d.content or "") for d in joined]

    return search, "haystack-ai"


def txtai(texts: list[str], vectors: Any, encode: Encoder) -> tuple[Search, str]:
    from txtai import Embeddings

    given = iter(vectors)

    def transform(many: list[str]) -> Any:
        if len(many) == 1 and search_time:
            return np.stack([encode(many[0])])
        return np.stack([next(given) for _ in many])

    search_time: list[bool] = []
    store = Embeddings(method="external", transform=transform, hybrid=True, content=False)
    store.index((i, text, None) for i, text in enumerate(texts))
    search_time.append(True)

    def search(question: str, count: int) -> Found:
        return [(int(row), texts[int(row)]) for row, _ in store.search(question, count)]

    return search, "txtai"


PEERS = {f.__name__: f for f in (langchain, chroma, lancedb, haystack, txtai)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=sorted(PEERS))
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    # Some of them print what they do: that is no line of ours.
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    texts = json.loads((chosen.folder / "pieces.json").read_text(encoding="utf-8"))
    vectors = np.load(chosen.folder / "vectors.npy", allow_pickle=False)
    encode = Encoder(chosen.folder)
    began = time.perf_counter()
    search, package = PEERS[chosen.name](texts, vectors, encode)
    built = round(time.perf_counter() - began, 2)
    print(json.dumps({"version": version(package), "build_seconds": built}), file=lines, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.perf_counter()
        found = search(asked["question"], asked["count"])
        took = (time.perf_counter() - began) * 1000
        assert all(text for _, text in found)
        told = {"milliseconds": took, "rows": [row for row, _ in found]}
        print(json.dumps(told), file=lines, flush=True)


if __name__ == "__main__":
    main()
