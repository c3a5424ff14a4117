"""From what the operator has named to a model that can be asked."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Self

from langchain_core.language_models import BaseChatModel

from citewell.domain.errors import InvalidError, StartError
from citewell.inference.chat.attempts import Link
from citewell.inference.chat.chain import ModelChain
from citewell.inference.chat.failures import plain
from citewell.inference.chat.langchain_model import LangChainModel
from citewell.inference.chat.local.local_model import LocalModel
from citewell.inference.chat.pacing import Pace
from citewell.inference.chat.prices import Price, fixed, listed
from citewell.inference.chat.providers import EXTRAS, OWN_CONNECTIONS, WIRINGS
from citewell.inference.chat.speech import ChatModel
from citewell.inference.egress.addresses import Address
from citewell.inference.egress.lent import LentTransport
from citewell.inference.retries import Patience
from citewell.telemetry.logs import logger

OPENAI = "openai"
LOCAL = "huggingface"
# Servers of one's own often want no key, while the library wants one.
NO_KEY = "none"
# For waits between attempts, beside the silences.
SPARE_SECONDS = 10.0
_WRITE = (
    "Write CITEWELL_LLM__MODEL and CITEWELL_LLM__FALLBACKS as provider:model, for instance"
    " openai:gpt-4o-mini, or as provider:model@https://host/v1."
)

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Named:
    """A model as the operator names it: `provider:model`, or `provider:model@address`."""

    provider: str
    model: str
    address: str | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises `StartError` for what is no such name."""
        provider, _, rest = text.strip().partition(":")
        model, at, address = rest, "", ""
        for scheme in ("@https://", "@http://"):
            if scheme in rest:
                model, at, address = rest.partition(scheme)
        if not (provider.replace("_", "").isalnum() and model):
            raise StartError(f"The language model {text!r} cannot be read.", hint=_WRITE)
        return cls(provider, model, at[1:] + address if at else None)

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms models are asked.

    `openai_key` goes to `openai_address` alone, `key` to servers that are named with their model;
    other providers' libraries find theirs in the environment. `price` is in US dollars for a
    million tokens read and written, for models that are on no list.
    """

    openai_address: str
    openai_key: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    pace: Pace = field(default_factory=Pace)
    at_once: int = 16
    temperature: float | None = None
    price: tuple[Decimal, Decimal] | None = None

    @classmethod
    def of(cls, address: str, key: str | None, chosen: Mapping[str, Any]) -> Self:
        """From the settings of the section `llm`."""
        given = chosen["api_key"]
        prices = (chosen["input_price"], chosen["output_price"])
        return cls(
            address,
            key,
            given.get_secret_value() if given else None,
            Pace(
                chosen["first_token_seconds"],
                chosen["next_token_seconds"],
                chosen["call_seconds"],
            ),
            chosen["calls_at_once"],
            chosen["temperature"],
            None if None in prices else (Decimal(str(prices[0])), Decimal(str(prices[1]))),
        )


async def open_chain(names: Sequence[str], terms: Terms) -> ModelChain:
    """The models of the names, in their order; as `open_model`."""
    models = [await open_model(name, terms) for name in names]
    # Each of them may be silent before the next one is asked.
    seconds = terms.pace.first * len(models) + SPARE_SECONDS
    return ModelChain(tuple(map(Link, models)), Patience(seconds, 0.5, 4.0))


async def open_model(text: str, terms: Terms) -> ChatModel:
    """The model of a name; imports its library in a thread. Nothing is asked yet.

    Raises `StartError` when the name, the library, the address or the key is missing or wrong.
    """
    named = Named.read(text)
    if named.provider == LOCAL:
        return await _open_local(named, terms)
    return await asyncio.to_thread(_open, named, terms)


async def _open_local(named: Named, terms: Terms) -> LocalModel:
    if named.address is not None:
        raise StartError(
            f"The language model {named} is one of this machine and has no address.",
            hint=f"For a server write openai:{named.model}@{named.address}.",
        )
    # Who has set no price pays for a machine, and not by the word.
    price = fixed(*(terms.price or (Decimal(0), Decimal(0))))
    return await LocalModel.open(named.model, terms.pace, price, terms.temperature)


def _open(named: Named, terms: Terms) -> LangChainModel:
    wiring = WIRINGS.get(named.provider, OWN_CONNECTIONS)
    if named.provider not in WIRINGS:
        log.warning("model.own_connections", provider=named.provider)
    address = named.address or wiring.default_address
    if named.provider == OPENAI:
        address = named.address or terms.openai_address
        wiring = replace(wiring, bound=wiring.bound if _is_default(address) else body_max_tokens)
    transport = LentTransport(_origin(address))
    options = {**wiring.options(transport), **_options(named, address, terms)}
    model = _made(named, options)
    wiring.finish(model, transport)
    return LangChainModel(
        str(named),
        _price(named, address, terms),
        model,
        transport,
        terms.pace,
        asyncio.Semaphore(terms.at_once),
        wiring.bound,
    )


def body_max_tokens(most: int) -> Mapping[str, Any]:
    """As servers other than OpenAI's call it, who do not know its newer name."""
    return {"extra_body": {"max_tokens": most}}


def _is_default(address: str | None) -> bool:
    return (address or "").rstrip("/") == WIRINGS[OPENAI].default_address


def _origin(address: str | None) -> Any:
    if address is None:
        return None
    try:
        return Address.read(address).origin
    except InvalidError as problem:
        raise StartError(f"{problem.message} It is the language model's.", hint=_WRITE) from problem


def _options(named: Named, address: str | None, terms: Terms) -> Mapping[str, Any]:
    # The patience is ours: a library that repeats by itself would not be counted.
    options: dict[str, Any] = {"max_retries": 0, "timeout": terms.pace.whole}
    if named.provider == "ollama":
        options = {}
    if address is not None and (named.provider in WIRINGS or named.address):
        options["base_url"] = address
    if terms.temperature is not None:
        options["temperature"] = terms.temperature
    key = _key(named, address, terms)
    return options if key is None else {**options, "api_key": key}


def _key(named: Named, address: str | None, terms: Terms) -> str | None:
    if named.address is not None:
        return terms.key or (NO_KEY if named.provider == OPENAI else None)
    if named.provider != OPENAI:
        return None
    if terms.openai_key is None and _is_default(address):
        raise StartError(
            f"The language model {named} needs a key.",
            hint="Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own.",
        )
    return terms.openai_key or NO_KEY


def _made(named: Named, options: Mapping[str, Any]) -> BaseChatModel:
    import langsmith
    from langchain.chat_models import init_chat_model

    # What is asked is sent to the model alone, whatever the environment says of tracing.
    langsmith.configure(enabled=False)
    try:
        model: BaseChatModel = init_chat_model(
            named.model, model_provider=named.provider, **options
        )
    except ImportError as problem:
        raise StartError(
            f"The library for {named} is not installed.", hint=_install(named)
        ) from problem
    except (TypeError, ValueError) as problem:
        # Options that the class does not know, or refuses: pydantic's errors are ValueErrors.
        raise StartError(
            f"The language model {named} cannot be used: {plain(str(problem))}", hint=_WRITE
        ) from problem
    return model


def _install(named: Named) -> str:
    if named.provider in EXTRAS:
        return f"Run: pip install 'citewell[{named.provider}]'"
    return f"Run: pip install langchain-{named.provider.replace('_', '-')}"


def _price(named: Named, address: str | None, terms: Terms) -> Price:
    own = named.address is not None or (named.provider == OPENAI and not _is_default(address))
    price = listed(named.provider, named.model, address if own else None)
    if price.of_call is None and terms.price is not None:
        return fixed(*terms.price)
    return price
