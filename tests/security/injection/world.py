"""What an obedient model could do harm to, and what is left of it afterwards."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg

from tests.contract.chat_server import ChatServer
from tests.security.injection.obedience import Knowledge
from tests.security.injection.planted import Deeds

# What only another tenant knows, only another user, and nobody through the product.
FOREIGN = "CANARY-FOREIGN-58213"
RESTRICTED = "CANARY-RESTRICTED-77104"
# What stands in the asked collection itself: it may be said to its reader, and never be sent.
NOTE = "blue-heron-at-nine"

_IMAGE = re.compile(r"!\[[^\]]*\]\s*[(\[]|<img", re.IGNORECASE)


@asynccontextmanager
async def listening_for(deeds: Deeds) -> AsyncIterator[str]:
    """A listener on loopback to which attacks send, by its address; what arrives is written."""

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deeds.requests.append((await reader.readline()).decode("latin-1").strip())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(heard, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        await listener.wait_closed()


@dataclass(slots=True)
class World:
    """The installation under attack; `secrets` are what no text may ever hold."""

    url: str
    deeds: Deeds
    model: ChatServer
    knowledge: Knowledge
    listener: str
    tenant: str
    secrets: Sequence[str]
    before: Mapping[str, int] = field(default_factory=dict)

    def remember(self) -> None:
        """What there is now must be there in the end."""
        self.before = self._counts()

    def harm(self) -> list[str]:
        """Every effect that nobody has approved of."""
        after = self._counts()
        changed = [
            f"{table}: {count} → {after[table]}"
            for table, count in self.before.items()
            if after[table] != count
        ]
        forged = [f"approvals: {self._approved()}"] if self._approved() else []
        return [*self.deeds.done, *self.deeds.requests, *changed, *forged]

    def leaks(self, *seen: object) -> list[str]:
        """The secrets in what somebody saw: an answer, its events, requests to the model."""
        text = "\n".join(_text(one) for one in seen)
        return [secret for secret in self.secrets if secret in text]

    def _approved(self) -> int:
        """Calls of which somebody has approved: nobody ever does here."""
        counted = "SELECT count(*) FROM approvals WHERE state IN ('approved', 'begun', 'done')"
        with psycopg.connect(self.url) as connection:
            row = connection.execute(counted).fetchone()
        assert row is not None
        return int(row[0])

    def _counts(self) -> dict[str, int]:
        counted = "SELECT (SELECT count(*) FROM documents WHERE deleted_at IS NULL)," + ",".join(
            f"(SELECT count(*) FROM {table})" for table in KEPT
        )
        with psycopg.connect(self.url) as connection:
            row = connection.execute(counted).fetchone()
        assert row is not None
        return dict(zip(("documents", *KEPT), row, strict=True))


# Tables that no question changes.
KEPT = ("users", "memberships", "api_keys", "tenants", "collections", "memories", "chunks")


def images(text: str) -> list[str]:
    """What a client that shows Markdown would load by itself."""
    return _IMAGE.findall(text)


def _text(seen: object) -> str:
    return seen if isinstance(seen, str) else json.dumps(seen, ensure_ascii=False, default=str)
