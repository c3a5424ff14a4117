"""Replies kept for requests that a client may send twice."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from citewell.domain.errors import ConflictError, FieldProblem, InvalidError
from citewell.domain.ids import UserId, new_id
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.tenancy import idempotency

KEPT_HOURS = 24


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What makes two requests the same request; `body_hash` catches a reused key."""

    user_id: UserId
    route: str
    key: str
    body_hash: bytes


class IdempotencyRepository(Scope):
    """The kept replies of one tenant, for `KEPT_HOURS`."""

    async def claim(self, key: IdempotencyKey) -> dict[str, Any] | None:
        """The kept reply, or None: then this transaction owns the key until it ends.

        A second request waits for the first one's transaction. Raises `InvalidError` for another
        body under the same key, `ConflictError` when the first one has not stored its reply.
        """
        same = (
            (idempotency.c.tenant_id == self.tenant_id)
            & (idempotency.c.user_id == key.user_id)
            & (idempotency.c.route == key.route)
            & (idempotency.c.key == key.key)
        )
        await self.connection.execute(
            idempotency.delete().where(
                same, idempotency.c.created_at < text(f"now() - interval '{KEPT_HOURS} hours'")
            )
        )
        done = await self.connection.execute(
            insert(idempotency)
            .values(
                id=new_id(),
                tenant_id=self.tenant_id,
                user_id=key.user_id,
                route=key.route,
                key=key.key,
                body_hash=key.body_hash,
                finished=False,
            )
            .on_conflict_do_nothing()
            .returning(idempotency.c.id)
        )
        if done.one_or_none() is not None:
            return None
        found = await self.connection.execute(select(idempotency).where(same))
        row = found.one()
        if row.body_hash != key.body_hash:
            raise InvalidError(
                "This Idempotency-Key was used with another body.",
                hint="Use a fresh key.",
                errors=(FieldProblem("Idempotency-Key", "Used with another body."),),
            )
        if not row.finished:
            raise ConflictError("The first request with this Idempotency-Key is still at work.")
        return dict(row.reply)

    async def keep(self, key: IdempotencyKey, reply: dict[str, Any]) -> None:
        """Store the reply in the transaction that claimed the key."""
        await self.connection.execute(
            idempotency.update()
            .where(
                idempotency.c.tenant_id == self.tenant_id,
                idempotency.c.user_id == key.user_id,
                idempotency.c.route == key.route,
                idempotency.c.key == key.key,
            )
            .values(finished=True, reply=reply)
        )
