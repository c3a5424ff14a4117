"""One peer of promise P3: builds its index over given vectors, then answers timed questions.

Runs in an environment of its own (`benchmarks/speed/peers.txt`) and imports nothing of Citewell.
usage: python peers.py NAME FOLDER [--questions N]; FOLDER holds pieces.json, vectors.npy,
questions.json, model.onnx and tokenizer.json. Prints one JSON object. Every peer embeds the
question itself, with the same model in the same runtime.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

Search = Callable[[str], list[int]]
K = 50  # pieces asked for, so that ten different documents can be told apart


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
    words = BM25Retriever.from_texts(texts, metadatas=rows, k=K)
    both = EnsembleRetriever(
        retrievers=[store.as_retriever(search_kwargs={"k": K}), words], weights=[0.5, 0.5]
    )
    return lambda q: [d.metadata["row"] for d in both.invoke(q)], "langchain-community"


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

    def search(question: str) -> list[int]:
        found = store.query(query_embeddings=[encode(question)], n_results=K)
        return [int(x) for x in found["ids"][0]]

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

    def search(question: str) -> list[int]:
        asked = store.search(query_type="hybrid").vector(encode(question)).text(question)
        found = asked.rerank(reranker).select(["row"]).limit(K).to_arrow()
        return [int(x) for x in found["row"].to_pylist()]

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
    words = InMemoryBM25Retriever(store, top_k=K)
    meaning = InMemoryEmbeddingRetriever(store, top_k=K)
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=K)

    def search(question: str) -> list[int]:
        dense = meaning.run(query_embedding=encode(question).tolist())["documents"]
        lexical = words.run(query=question)["documents"]
        return [int(d.id) for d in joiner.run(documents=[dense, lexical])["documents"]]

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
    return lambda q: [int(row) for row, _ in store.search(q, K)], "txtai"


PEERS = {f.__name__: f for f in (langchain, chroma, lancedb, haystack, txtai)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=sorted(PEERS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=100)
    chosen = parser.parse_args()
    texts = json.loads((chosen.folder / "pieces.json").read_text(encoding="utf-8"))
    asked = json.loads((chosen.folder / "questions.json").read_text(encoding="utf-8"))
    vectors = np.load(chosen.folder / "vectors.npy", allow_pickle=False)
    encode = Encoder(chosen.folder)
    began = time.perf_counter()
    search, package = PEERS[chosen.name](texts, vectors, encode)
    built = time.perf_counter() - began
    for question in asked[:5]:
        search(question)
    took, ranked = [], []
    for question in asked[: chosen.questions]:
        began = time.perf_counter()
        ranked.append(search(question))
        took.append((time.perf_counter() - began) * 1000)
    json.dump(
        {
            "peer": chosen.name,
            "version": version(package),
            "build_seconds": round(built, 2),
            "milliseconds": took,
            "ranked": ranked,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
