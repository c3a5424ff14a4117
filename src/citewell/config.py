"""Settings: read once at the edge, frozen, nested, complete."""

from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, Self

import platformdirs
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from citewell.domain.errors import StartError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EmbeddingSettings(_Section):
    """Which model turns text into vectors."""

    model: str = "builtin"
    """`builtin`, `openai:<model>` for any server that speaks OpenAI's `/v1/embeddings`, or
    `sentence-transformers:<folder>` for a BERT-like model of this machine (extra `local`)."""
    dimension: int | None = Field(default=None, ge=1, le=8192)
    """Size of a remote model's vectors; asked of the model when absent."""
    threads: int = Field(default=0, ge=0, le=256)
    """Threads of a model of this machine; 0 means one per core."""
    price_per_million_tokens: float = Field(default=0.0, ge=0)
    """What a remote model costs, in the currency of your budgets."""


class LlmSettings(_Section):
    """Which language model writes the answers; without one they are quoted from the documents."""

    model: str = ""
    """`provider:model`, such as `openai:gpt-4o-mini`; `@https://host/v1` behind it is a server.
    `huggingface:<folder>` is a model of this machine (extra `local`)."""
    fallbacks: str = ""
    """Models asked in turn when the first does not answer, with commas."""
    api_key: SecretStr | None = None
    """Key for servers named after an `@`; others take `OPENAI_API_KEY`, `ANTHROPIC_API_KEY` etc."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """How freely the model chooses its words; its own default when absent."""
    prompt: Literal["instruction", "few_shot", "step_by_step"] = "instruction"
    """How the rules are put; small models write better with examples, or after notes."""
    passage_tokens: int = Field(default=6000, ge=200)
    """Most of the passages that a prompt holds; less for a model that reads little."""
    judge: bool = False
    """Have the model look again at every sentence that the checks let through: one more call."""
    show_prompts: bool = False
    """Write the exact messages of each call into the events of its run, for debugging."""
    answer_calls: int = Field(default=12, ge=1, le=100)
    """Most calls for one answer, whatever the model would still look for."""
    answer_tokens: int = Field(default=60_000, ge=10_000)
    """Most tokens for one answer; a part of them is kept for writing it."""
    answer_dollars: float = Field(default=0.5, gt=0)
    """Most US dollars for one answer, of models whose price is known."""
    answer_seconds: float = Field(default=60.0, gt=0, le=300)
    """Longest that is looked for an answer; writing it comes after."""
    first_token_seconds: float = Field(default=20.0, gt=0, le=600)
    """Longest silence before the first word; then the next model is asked."""
    next_token_seconds: float = Field(default=15.0, gt=0, le=600)
    """Longest silence between two words."""
    call_seconds: float = Field(default=120.0, gt=0, le=600)
    """Longest that one call may take in all."""
    calls_at_once: int = Field(default=16, ge=1, le=1000)
    """Calls of one model at the same time, of one server."""
    input_price: float | None = Field(default=None, ge=0)
    """US dollars for a million tokens read, of models whose price is not known."""
    output_price: float | None = Field(default=None, ge=0)
    """US dollars for a million tokens written, of models whose price is not known."""

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if not self.model and self.model_fields_set - {"model"}:
            raise ValueError("without a MODEL the others have no effect")
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("INPUT_PRICE and OUTPUT_PRICE come together")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The model and its fallbacks, in the order in which they are asked."""
        parts = (self.model, *self.fallbacks.split(","))
        return tuple(filter(None, map(str.strip, parts)))


class RerankSettings(_Section):
    """Which model puts the best passages of a search into their last order."""

    model: str = "builtin"
    """`builtin` compares word by word with the embedder; `http:<model>` is an endpoint as Cohere's,
    Jina's or vLLM's, `tei:<model>` one of text-embeddings-inference, and `cross-encoder:<folder>` a
    model of this machine (extra `local`). These are asked by questions at once, and by searches
    that want it."""
    base_url: str = ""
    """Address of the endpoint without `/rerank`, such as https://api.cohere.com/v2."""
    api_key: SecretStr | None = None
    """Key for it."""
    seconds: float = Field(default=2.0, gt=0, le=60)
    """Longest wait for such a model; then passages stay in the order that they had."""
    price_per_thousand_searches: float = Field(default=0.0, ge=0)
    """What a remote model costs, in the currency of your budgets, if it is sold by the search."""
    price_per_million_tokens: float = Field(default=0.0, ge=0)
    """The same, if it is sold by the token."""

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if self.model == "builtin" and self.model_fields_set - {"model"}:
            raise ValueError("without another MODEL the others have no effect")
        return self


class LimitSettings(_Section):
    """Bounds on what one request may cost."""

    upload_bytes: int = Field(default=200 * 1024 * 1024, ge=1)
    """Largest file accepted."""
    question_chars: int = Field(default=8_000, ge=1)
    """Longest question answered."""
    parse_seconds: float = Field(default=90.0, gt=0)
    """Wall time for reading one file."""
    parse_memory_bytes: int = Field(default=1024**3, ge=64 * 1024 * 1024)
    """Address space of the child that reads a file."""
    text_chars: int = Field(default=20_000_000, ge=1)
    """Longest canonical text of one document."""
    requests_per_address: int = Field(default=12_000, ge=1)
    """Requests a minute from one address, or one IPv6 network of 64 bits, whoever sends them."""
    guesses_per_address: int = Field(default=300, ge=1)
    """Wrong credentials a minute from one address; then nobody signs in from there for a while."""
    requests_per_user: int = Field(default=12_000, ge=1)
    """Requests and WebSocket messages a minute of one user."""
    requests_per_key: int = Field(default=12_000, ge=1)
    """Requests and WebSocket messages a minute with one key."""
    requests_per_tenant: int = Field(default=60_000, ge=1)
    """Requests and WebSocket messages a minute of one tenant."""
    trusted_proxies: str = ""
    """Addresses and networks of your proxies, with commas; only they may say who sent a request."""
    proxy_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    """The header in which the trusted proxies say so; they must write it anew or add to it."""

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, value: str) -> str:
        for part in filter(None, map(str.strip, value.split(","))):
            ip_network(part)
        return value

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """`trusted_proxies`, understood."""
        parts = filter(None, map(str.strip, self.trusted_proxies.split(",")))
        return tuple(ip_network(part) for part in parts)


class AnswerCacheSettings(_Section):
    """Answers given again to the same question, for an installation that is asked the same often.

    Only under the same rights, and only while nothing has changed in the collections asked.
    """

    mode: Literal["off", "same", "similar"] = "off"
    """`same` question, or one that is `similar`: near in meaning, and with the same content words,
    numbers, names and negations."""
    seconds: float = Field(default=600.0, gt=0, le=86_400)
    """How long an answer is kept."""
    memory_bytes: int = Field(default=64 * 1024**2, ge=1024**2)
    """Memory that they may take in each server process; the least used go first."""
    cosine: float = Field(default=0.95, ge=0.9, le=1)
    """How near in meaning a `similar` question is at least."""


class IndexSettings(_Section):
    """The disposable projections of the database."""

    memory_bytes: int = Field(default=2 * 1024**3, ge=16 * 1024 * 1024)
    """Projections beyond this are evicted, least recently used first."""
    exact_below: int = Field(default=20_000, ge=1)
    """Collections with fewer chunks are searched exactly; larger ones get a trained index."""


class RetentionSettings(_Section):
    """How long what people leave behind is kept; absent means until somebody removes it."""

    conversation_days: float | None = Field(default=None, gt=0)
    """Conversations with their messages and runs, counted from the last run."""
    event_days: float | None = Field(default=None, gt=0)
    """Event logs of runs that have ended; the answers stay."""
    export_days: float = Field(default=7.0, gt=0)
    """Copies that people asked for of what is stored about them."""


class EncryptionSettings(_Section):
    """Encryption at rest, for an operator whose disk or database host is not trusted."""

    enabled: bool = False
    """Seal files, texts and messages before they are stored; stays on once data is sealed."""
    key: SecretStr | None = None
    """Master key, base64 of 32 bytes; several: the first seals. Absent: made in `secrets/`."""
    key_file: Path | None = None
    """File that holds what `key` would."""


class OidcSettings(_Section):
    """Sign-in through a provider of OpenID Connect; off without an issuer."""

    issuer: str | None = None
    """Address of the provider, exactly as its discovery document calls it."""
    client_id: str = ""
    """What this installation is called at the provider."""
    client_secret: SecretStr | None = None
    """What it was given there; absent for a public client."""
    client_secret_file: Path | None = None
    """File that holds what `client_secret` would."""
    public_url: str = ""
    """Where browsers reach this server; the provider sends them back to `/auth/oidc/callback`."""
    name: str = Field(default="", max_length=60)
    """What the link on the page calls the provider; its host when empty."""
    newcomers: Literal["refused", "viewer", "editor"] = "refused"
    """Role of people whom nobody has added."""
    newcomer_domains: str = ""
    """Mail domains of such people, with commas; `*` for everybody whom the provider knows."""
    newcomer_tenant: str = ""
    """Name of the tenant where they are at home; the first one when empty."""

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if self.issuer is None and self.model_fields_set:
            raise ValueError("without an ISSUER the others have no effect")
        if self.issuer is not None and not (self.client_id and self.public_url):
            raise ValueError("CLIENT_ID and PUBLIC_URL are needed as well")
        if self.client_secret is not None and self.client_secret_file is not None:
            raise ValueError("CLIENT_SECRET and CLIENT_SECRET_FILE are both set")
        if (self.newcomers == "refused") != (not self.newcomer_domains):
            raise ValueError("NEWCOMERS and NEWCOMER_DOMAINS come together")
        return self


class FetchSettings(_Section):
    """Documents that are added by their address, for an operator who lets editors name pages."""

    enabled: bool = False
    """Fetch pages of the public web that editors name by `url`."""
    origins: str = ""
    """Servers of your own network they may name too, with commas, such as https://wiki:8443."""


class McpSettings(_Section):
    """Servers of tools (Model Context Protocol) that administrators let a language model use."""

    enabled: bool = False
    """Let administrators name servers on the public web, and approve of their tools."""
    origins: str = ""
    """Servers of your own network they may name too, with commas, such as https://tools:8443."""
    commands_file: Path | None = None
    """File with commands that start servers on this machine: `{"mcpServers": {…}}`."""

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if not self.enabled and self.model_fields_set - {"enabled"}:
            raise ValueError("without ENABLED the others have no effect")
        return self


class ToolSettings(_Section):
    """Tools that a language model may use to answer."""

    enabled: bool = True
    """Offer the model a calculator, dates, units, searching, reading, and questions in SQL."""
    web_fetch: bool = False
    """Offer it to read pages of the public web; a person is asked, once it has read anything."""
    web_search: str = ""
    """Offer it a search engine: the address of a SearXNG that answers in JSON."""
    added: str = ""
    """Tools of your own, with commas, each as `module:function` that Python finds."""


class Settings(BaseSettings):
    """Everything that can be configured; unknown `CITEWELL_` variables are reported at start."""

    model_config = SettingsConfigDict(
        env_prefix="CITEWELL_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        populate_by_name=True,
    )

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("citewell", appauthor=False))
    )
    """The data directory."""
    database_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("DATABASE_URL", "database_url")
    )
    """PostgreSQL 14 or newer; absent: a private one in the data directory."""
    host: str = Field(default="127.0.0.1", validation_alias=AliasChoices("HOST", "host"))
    """Address to listen on."""
    port: int = Field(default=8420, ge=0, le=65535, validation_alias=AliasChoices("PORT", "port"))
    """Port to listen on; 0 picks a free one."""
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias=AliasChoices("LOG_LEVEL", "log_level")
    )
    """Least severe log line written."""
    admin_key: SecretStr | None = None
    """First administrator's key; generated when absent, on loopback."""
    secret_key: SecretStr | None = None
    """Seals the signing keys in the database; the same for every server of one database. Generated
    when absent, on loopback."""
    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key")
    )
    """Key for `openai:` models; it is sent to `OPENAI_BASE_URL` alone."""
    openai_base_url: str = Field(
        default="https://api.openai.com/v1",
        validation_alias=AliasChoices("OPENAI_BASE_URL", "OPENAI_API_BASE", "openai_base_url"),
    )
    """Server for `openai:` models."""
    workers: int = Field(default=1, ge=0, le=64)
    """Worker processes that `serve` supervises; 0 when they run elsewhere."""
    memory: str = "summary"
    """What of a conversation its next question is asked with: `summary`, `turns` (the last ones
    alone), or `module:Class` of your own."""
    embedding: EmbeddingSettings = EmbeddingSettings()
    llm: LlmSettings = LlmSettings()
    rerank: RerankSettings = RerankSettings()
    limits: LimitSettings = LimitSettings()
    answer_cache: AnswerCacheSettings = AnswerCacheSettings()
    index: IndexSettings = IndexSettings()
    retention: RetentionSettings = RetentionSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    oidc: OidcSettings = OidcSettings()
    fetch: FetchSettings = FetchSettings()
    tools: ToolSettings = ToolSettings()
    mcp: McpSettings = McpSettings()


def read_settings(**given: Any) -> Settings:
    """The settings from the environment, and from `given` where it is not None.

    Raises `StartError` naming the variable that has a wrong value.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        name = place[0] if place[0].isupper() else "CITEWELL_" + "__".join(place).upper()
        if first["type"] == "extra_forbidden":
            nearest = next(iter(get_close_matches(name, known_variables(), 1)), "")
            meant = f"Did you mean {nearest}?" if nearest else "docs/reference names them all."
            raise StartError(f"{name} is not a setting.", hint=meant) from error
        raise StartError(
            f"{name} has a wrong value: {first['msg']}.", hint="Correct or unset the variable."
        ) from error


# Read by the command line itself, not by the server.
COMMAND_LINE = frozenset({"CITEWELL_SERVER", "CITEWELL_API_KEY"})


def known_variables(model: type[BaseModel] = Settings, prefix: str = "CITEWELL_") -> list[str]:
    """The names of every environment variable that is read, nested ones with `__`."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            names += [str(one) for one in alias.choices if str(one).isupper()]
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += known_variables(field.annotation, f"{prefix}{name.upper()}__")
        else:
            names.append(prefix + name.upper())
    return names


def unknown_variables(given: Iterable[str]) -> list[tuple[str, str]]:
    """Variables of ours that nobody reads, each with the nearest name that somebody does."""
    known = [*known_variables(), *COMMAND_LINE]
    odd = [name for name in given if name.startswith("CITEWELL_") and name not in known]
    return [(name, next(iter(get_close_matches(name, known, 1)), "")) for name in sorted(odd)]
