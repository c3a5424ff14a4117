"""From what the operator has named to an embedder or reranker that can be asked."""

import asyncio
from dataclasses import dataclass, field

from citewell.domain.errors import StartError
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.embedding import Embedder
from citewell.inference.local.sentence_embedder import SentenceEmbedder
from citewell.inference.openai_embedder import OpenAIEmbedder, OpenAIServer
from citewell.inference.reranking.cross_encoder import CrossEncoderReranker
from citewell.inference.reranking.http_reranker import HttpReranker, RerankServer
from citewell.inference.reranking.reranker import Reranker
from citewell.inference.reranking.wire import Dialect
from citewell.inference.retries import Patience

BUILTIN = "builtin"
OPENAI = "openai:"
SENTENCE_TRANSFORMERS = "sentence-transformers:"
CROSS_ENCODER = "cross-encoder:"


@dataclass(frozen=True, slots=True)
class Server:
    """Where remote models are asked; an empty `base_url` is none."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)


async def open_embedder(
    name: str, server: Server, *, dimension: int | None = None, threads: int = 0
) -> Embedder:
    """The embedder that `CITEWELL_EMBEDDING__MODEL` names. Raises `StartError` for an unknown one.

    `threads` are those of a model of this machine, `dimension` is a remote one's: asked of it when
    absent.
    """
    if name == BUILTIN:
        return await asyncio.to_thread(BuiltinEmbedder, threads)
    if name.startswith(OPENAI):
        model = name.removeprefix(OPENAI)
        return await OpenAIEmbedder.open(
            OpenAIServer(model, server.base_url, server.api_key, dimension)
        )
    if name.startswith(SENTENCE_TRANSFORMERS):
        return await SentenceEmbedder.open(name.removeprefix(SENTENCE_TRANSFORMERS), threads)
    raise StartError(
        f"CITEWELL_EMBEDDING__MODEL={name!r} is not known.",
        hint="Use builtin, openai:<model> for a server that speaks OpenAI's embeddings, or"
        " sentence-transformers:<folder> for a model of this machine.",
    )


async def open_reranker(name: str, server: Server, *, seconds: float) -> Reranker | None:
    """The reranker that `CITEWELL_RERANK__MODEL` names; None: the embedder's late interaction.

    A remote one gives up after `seconds`. Raises `StartError` for an unknown one.
    """
    if name == BUILTIN:
        return None
    if name.startswith(CROSS_ENCODER):
        return await CrossEncoderReranker.open(name.removeprefix(CROSS_ENCODER))
    kind, colon, model = name.partition(":")
    if not (colon and model and kind in set(Dialect)):
        raise StartError(
            f"CITEWELL_RERANK__MODEL={name!r} is not known.",
            hint="Use builtin, http:<model> for an endpoint as Cohere's or Jina's, tei:<model>, or"
            " cross-encoder:<folder> for a model of this machine.",
        )
    if not server.base_url:
        raise StartError(
            f"CITEWELL_RERANK__MODEL={name!r} has no server.",
            hint="Set CITEWELL_RERANK__BASE_URL to its address, without /rerank at the end.",
        )
    patience = Patience(total=seconds, first=0.1, most=1.0)
    return HttpReranker.open(
        RerankServer(model, server.base_url, server.api_key, Dialect(kind), patience)
    )
