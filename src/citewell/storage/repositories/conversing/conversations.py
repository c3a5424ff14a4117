"""Conversations, each of one person."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update

from citewell.domain.conversations import MOST_TITLE, Conversation
from citewell.domain.errors import NotFoundError
from citewell.domain.ids import ConversationId, MessageId, RunId, UserId, new_id
from citewell.storage.repositories.conversing.messages import MessageRepository
from citewell.storage.tables.conversations import conversations, messages, runs

_TITLE, _SUMMARY = "conversations.title", "conversations.summary"

# A run that goes on from another has no question of its own.
_TURNS = (
    select(func.count())
    .where(messages.c.conversation_id == conversations.c.id, messages.c.role == "user")
    .correlate(conversations)
    .scalar_subquery()
)
_LAST = (
    select(func.max(runs.c.created_at))
    .where(runs.c.conversation_id == conversations.c.id)
    .correlate(conversations)
    .scalar_subquery()
)
_SHOWN = select(
    conversations.c.id,
    conversations.c.title,
    conversations.c.created_at,
    _TURNS.label("turns"),
    func.coalesce(_LAST, conversations.c.created_at).label("last_at"),
)


class ConversationRepository(MessageRepository):
    """The conversations of one tenant; one of somebody else's is not found."""

    async def create(self, user_id: UserId, title: str) -> ConversationId:
        """An empty conversation of this user."""
        conversation_id = ConversationId(new_id())
        values = {
            "id": conversation_id,
            "tenant_id": self.tenant_id,
            "user_id": user_id,
            "title": self.seal.text(_TITLE, conversation_id, title[:MOST_TITLE]),
        }
        await self.connection.execute(insert(conversations), values)
        return conversation_id

    async def get(self, conversation_id: ConversationId, user_id: UserId) -> Conversation:
        """Raises `NotFoundError`."""
        found = await self.connection.execute(_SHOWN.where(self._mine(conversation_id, user_id)))
        row = found.one_or_none()
        if row is None:
            raise NotFoundError(f"No conversation {conversation_id}.")
        return self._conversation(row)

    async def lock(self, conversation_id: ConversationId, user_id: UserId) -> Conversation:
        """As `get`; nobody else renames or removes it before this transaction ends."""
        # Its key stays: who asks in it, which refers to the key, need not wait.
        mine = select(conversations.c.id).where(self._mine(conversation_id, user_id))
        await self.connection.execute(mine.with_for_update(key_share=True))
        return await self.get(conversation_id, user_id)

    async def page(
        self, user_id: UserId, *, before: ConversationId | None, limit: int
    ) -> Sequence[Conversation]:
        """This user's, the newest first, those that are older than `before`."""
        older = [] if before is None else [conversations.c.id < before]
        found = await self.connection.execute(
            _SHOWN.where(
                conversations.c.tenant_id == self.tenant_id,
                conversations.c.user_id == user_id,
                *older,
            )
            .order_by(conversations.c.id.desc())
            .limit(limit)
        )
        return [self._conversation(row) for row in found]

    async def rename(self, conversation_id: ConversationId, title: str) -> None:
        """Give it another title; no effect when it is not there."""
        sealed = self.seal.text(_TITLE, conversation_id, title[:MOST_TITLE])
        await self.connection.execute(
            update(conversations).where(self._is(conversation_id)).values(title=sealed)
        )

    async def summary(self, conversation_id: ConversationId) -> tuple[str, MessageId | None]:
        """What was said in short, and up to which message; nothing yet is an empty text."""
        found = await self.connection.execute(
            select(conversations.c.summary, conversations.c.summarised_to).where(
                self._is(conversation_id)
            )
        )
        row = found.one()
        if row.summary is None:
            return "", None
        text = self.seal.open_text(_SUMMARY, conversation_id, row.summary)
        return text, MessageId(row.summarised_to)

    async def summarise(self, conversation_id: ConversationId, summary: str, to: MessageId) -> None:
        """Keep what was said up to that message, in short."""
        sealed = self.seal.text(_SUMMARY, conversation_id, summary)
        await self.connection.execute(
            update(conversations)
            .where(self._is(conversation_id))
            .values(summary=sealed, summarised_to=to)
        )

    async def delete(self, conversation_id: ConversationId) -> None:
        """Remove it with its runs, their logs, the messages and citations."""
        await self.connection.execute(delete(conversations).where(self._is(conversation_id)))

    async def running(self, conversation_id: ConversationId) -> Sequence[RunId]:
        """Its runs that have not ended."""
        found = await self.connection.execute(
            select(runs.c.id).where(
                runs.c.tenant_id == self.tenant_id,
                runs.c.conversation_id == conversation_id,
                runs.c.finished_at.is_(None),
            )
        )
        return [RunId(one) for one in found.scalars()]

    def _conversation(self, row: Row[*tuple[Any, ...]]) -> Conversation:
        title = self.seal.open_text(_TITLE, row.id, row.title)
        return Conversation(ConversationId(row.id), title, row.turns, row.created_at, row.last_at)

    def _is(self, conversation_id: ConversationId) -> ColumnElement[bool]:
        return (conversations.c.tenant_id == self.tenant_id) & (
            conversations.c.id == conversation_id
        )

    def _mine(self, conversation_id: ConversationId, user_id: UserId) -> ColumnElement[bool]:
        return self._is(conversation_id) & (conversations.c.user_id == user_id)
