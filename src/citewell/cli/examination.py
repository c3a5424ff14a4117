"""What `citewell doctor` looks at: each finding with what was found and what to do."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from citewell.bootstrap import chat_model, database_url
from citewell.cli.running import announcing
from citewell.config import Settings, read_settings
from citewell.domain.errors import AppError, DocumentError
from citewell.inference.opening import (
    BUILTIN,
    CROSS_ENCODER,
    OPENAI,
    Server,
    open_embedder,
    open_reranker,
)
from citewell.storage import migrate
from citewell.storage.database import Database
from citewell.storage.home import prepare_home

ENOUGH_BYTES = 1024**3


def examine() -> list[dict[str, Any]]:
    """Every finding, in the order in which a start would need it."""
    settings = read_settings()
    home = settings.home.expanduser().absolute()
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", lambda: sys.version.split()[0]),
        ("data directory", lambda: str(prepare_home(home))),
        ("disk space", lambda: _space(home)),
        ("database", lambda: _database(settings, home)),
        ("embedding model", lambda: asyncio.run(_model(settings))),
        ("reranker", lambda: asyncio.run(_reranker(settings))),
        ("language model", lambda: asyncio.run(_language_models(settings))),
        ("sign-in provider", lambda: asyncio.run(_provider(settings))),
        ("reading files", lambda: asyncio.run(_reading(home))),
        ("server", lambda: announcing.found(home) or "not running"),
    ]
    return [_finding(name, check) for name, check in checks]


def _finding(name: str, check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"id": name, "check": name, "ok": True, "found": check(), "remedy": ""}
    except AppError as error:
        return {
            "id": name, "check": name, "ok": False, "found": error.message, "remedy": error.hint,
        }  # fmt: skip
    except OSError as error:
        return {
            "id": name, "check": name, "ok": False, "found": str(error),
            "remedy": "Check permissions and disk of the data directory.",
        }  # fmt: skip


def _space(home: Path) -> str:
    free = shutil.disk_usage(home).free
    if free < ENOUGH_BYTES:
        raise AppError(f"{free / 1e9:.1f} GB free", hint="Free at least 1 GB.")
    return f"{free / 1e9:.1f} GB free"


def _database(settings: Settings, home: Path) -> str:
    url, embedded = database_url(settings, home)
    current, head = migrate.versions(url)
    durable = asyncio.run(_durability(url))
    kind = "private" if embedded else "DATABASE_URL"
    if current is None:
        return f"{kind}, empty; the first start makes its schema"
    if current != head:
        raise AppError(f"schema {current}, not {head}", hint="Run `citewell db upgrade`.")
    if "off" in durable.values():
        raise AppError(f"not durable: {durable}", hint="Turn fsync and synchronous_commit on.")
    return f"{kind}, schema {current}, durable"


async def _durability(url: str) -> dict[str, str]:
    database = Database.connect(url)
    try:
        return await database.durability()
    finally:
        await database.close()


async def _model(settings: Settings) -> str:
    if settings.embedding.model.startswith(OPENAI):
        return f"{settings.embedding.model} (asked when the server starts)"
    # Its files are on this machine, or it has none.
    embedder = await open_embedder(settings.embedding.model, Server(""))
    try:
        await embedder.embed_query("Is the model whole?")
        return f"{embedder.model.name}, {embedder.model.dimension} dimensions"
    finally:
        await embedder.close()


async def _reranker(settings: Settings) -> str:
    named = settings.rerank.model
    if not named.startswith(CROSS_ENCODER):
        return named if named == BUILTIN else f"{named} (asked by the first question)"
    reranker = await open_reranker(named, Server(""), seconds=settings.rerank.seconds)
    assert reranker is not None
    try:
        await reranker.scores("Is the model whole?", ["It is."])
        return reranker.name
    finally:
        await reranker.close()


async def _language_models(settings: Settings) -> str:
    """Ask each for a word; the first that does not answer is what is found."""
    chain = await chat_model(settings)
    if chain is None:
        return "none; answers are quoted from the documents"
    from citewell.inference.chat.trial import seconds_for_a_word

    try:
        took = [(link.model.name, await seconds_for_a_word(link.model)) for link in chain.links]
        return ", ".join(f"{name} answers in {seconds:.1f} s" for name, seconds in took)
    finally:
        await chain.close()


async def _provider(settings: Settings) -> str:
    from citewell.api.single_sign_on import provider_of

    provider = provider_of(settings.oidc)
    if provider is None:
        return "none"
    await provider.describe()
    return f"{settings.oidc.issuer} answers"


async def _reading(home: Path) -> str:
    from citewell.documents.parsers.host import ParserHost

    sample = home / "logs" / "doctor.txt"
    sample.write_text("The reader works.", "utf-8")
    try:
        async with ParserHost() as host:
            parsed = await host.parse(sample, sample.name)
        if parsed.text != "The reader works.":
            raise DocumentError("corrupt", "A file was read wrongly.", hint="Install again.")
    finally:
        sample.unlink()
    return "confined process works"
