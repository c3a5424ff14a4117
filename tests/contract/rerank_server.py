"""A small server that speaks the wire protocols of /rerank over real HTTP, each dialect as it is.

A text's score is the share of the question's words that it has.
"""

import json
import re
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from tests.contract.openai_server import Answer, ModelServer, model_server

MODEL = "words-v1"


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def score(question: str, text: str) -> float:
    asked = words(question)
    return len(asked & words(text)) / max(1, len(asked))


def cohere(scores: list[Any]) -> bytes:
    """Best first, with the billed units, as Cohere answers."""
    return json.dumps(
        {
            "id": "07734bd2-2473-4f07-94e1-0d9f0e6843cf",
            "results": [{"index": n, "relevance_score": s} for n, s in best_first(scores)],
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        }
    ).encode()


def jina(scores: list[Any]) -> bytes:
    """Best first, each with its document, and the tokens read, as Jina answers."""
    results = [
        {"index": n, "relevance_score": s, "document": {"text": "…"}} for n, s in best_first(scores)
    ]
    usage = {"total_tokens": 815, "prompt_tokens": 815}
    return json.dumps({"model": MODEL, "usage": usage, "results": results}).encode()


def voyage(scores: list[Any]) -> bytes:
    """A list called `data`, as Voyage answers."""
    data = [{"index": n, "relevance_score": s} for n, s in best_first(scores)]
    usage = {"total_tokens": 26}
    return json.dumps({"object": "list", "data": data, "model": MODEL, "usage": usage}).encode()


def tei(scores: list[Any]) -> bytes:
    """A bare list, as text-embeddings-inference answers."""
    return json.dumps([{"index": n, "score": s} for n, s in best_first(scores)]).encode()


ANSWERS = {"cohere": cohere, "jina": jina, "voyage": voyage, "tei": tei}


def best_first(scores: list[Any]) -> list[tuple[int, Any]]:
    return sorted(enumerate(scores), key=lambda one: str(one[1]), reverse=True)


def answered(dialect: str, asked: dict[str, Any]) -> Answer:
    texts = asked.get("texts" if dialect == "tei" else "documents")
    if texts is None:
        return Answer(422, b'{"error": "missing field", "error_type": "Validation"}')
    return Answer(body=ANSWERS[dialect]([score(asked["query"], text) for text in texts]))


def rerank_server(dialect: str = "cohere") -> AbstractContextManager[ModelServer]:
    """A server that speaks one of `ANSWERS`."""
    return model_server(partial(answered, dialect), "/v2")
