"""Requests that a client may send twice: the effect and its reply commit together, once."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import TypeAdapter

from citewell.domain.principal import Principal
from citewell.storage.repositories.idempotency import IdempotencyKey
from citewell.storage.transaction import Transaction

Reply = TypeVar("Reply")


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The name that a client gave to a request to `route`."""

    route: str
    key: str

    def of(self, principal: Principal, *body: str) -> IdempotencyKey:
        """The key of this principal's request; `body` is everything that its effect depends on."""
        digest = hashlib.sha256()
        for part in body:
            digest.update(hashlib.sha256(part.encode("utf-8", "surrogatepass")).digest())
        return IdempotencyKey(principal.user_id, self.route, self.key, digest.digest())


async def do_once(
    tx: Transaction,
    key: IdempotencyKey | None,
    kind: type[Reply],
    effect: Callable[[], Awaitable[Reply]],
) -> tuple[Reply, bool]:
    """The reply of `effect`, and whether it is the kept one of an earlier request.

    `kind` is the dataclass of the reply. Raises `InvalidError` for a key that was used with
    another body.
    """
    if key is None:
        return await effect(), False
    adapter = TypeAdapter(kind)
    earlier = await tx.idempotency.claim(key)
    if earlier is not None:
        return adapter.validate_python(earlier), True
    reply = await effect()
    await tx.idempotency.keep(key, adapter.dump_python(reply, mode="json"))
    return reply, False
