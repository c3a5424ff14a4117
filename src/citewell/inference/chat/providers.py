"""How the libraries of providers are told through which client they speak.

Each has its own way; those that have none make their own connections, to the server that the
operator has named with the model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel

from citewell.inference.chat.langchain_model import Bound, max_tokens
from citewell.inference.egress.lent import LentTransport, closed_client, lent_client


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a provider's class is made with, and what is done to it afterwards."""

    options: Callable[[LentTransport], Mapping[str, Any]] = lambda _: {}
    finish: Callable[[BaseChatModel, LentTransport], None] = lambda _model, _transport: None
    bound: Bound = max_tokens
    default_address: str | None = None


def _of_openai(transport: LentTransport) -> Mapping[str, Any]:
    return {
        # One of the environment would be refused together with a client.
        "openai_proxy": "",
        "http_async_client": lent_client(transport),
        "http_client": closed_client(),
        "stream_usage": True,
        "stream_chunk_timeout": None,
    }


def _of_anthropic(model: Any, transport: LentTransport) -> None:
    import anthropic

    # The class makes its client when it is first needed, and asks nobody for one.
    parameters = {**model._client_params, "http_client": lent_client(transport)}  # noqa: SLF001
    model.__dict__["_async_client"] = anthropic.AsyncClient(**parameters)


def _of_ollama(transport: LentTransport) -> Mapping[str, Any]:
    return {"async_client_kwargs": {"transport": transport, "trust_env": False}}


def num_predict(most: int) -> Mapping[str, Any]:
    """As Ollama calls the bound."""
    return {"options": {"num_predict": most}}


# `pip install 'citewell[…]'` installs these; every other library under its own name.
EXTRAS = frozenset({"anthropic", "ollama"})
OWN_CONNECTIONS = Wiring()
WIRINGS: Mapping[str, Wiring] = {
    "openai": Wiring(_of_openai, default_address="https://api.openai.com/v1"),
    "anthropic": Wiring(finish=_of_anthropic, default_address="https://api.anthropic.com"),
    "ollama": Wiring(_of_ollama, bound=num_predict, default_address="http://127.0.0.1:11434"),
}
