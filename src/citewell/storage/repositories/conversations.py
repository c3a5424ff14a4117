"""Conversations, messages, and the citations under them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select

from citewell.domain.errors import NotFoundError
from citewell.domain.ids import ConversationId, MessageId, RunId, UserId, new_id
from citewell.domain.passages import Answer
from citewell.storage.repositories.scope import SealedScope
from citewell.storage.tables.conversations import citations, conversations, messages

_TEXT = "messages.text"


@dataclass(frozen=True, slots=True)
class Message:
    """One utterance; `role` is `user` or `assistant`."""

    id: MessageId
    run_id: RunId
    role: str
    text: str
    grounded: float | None
    answered: bool | None
    partial: bool
    created_at: datetime


class ConversationRepository(SealedScope):
    """The conversations of one tenant."""

    async def create(self, user_id: UserId, title: str) -> ConversationId:
        """An empty conversation of this user."""
        conversation_id = ConversationId(new_id())
        await self.connection.execute(
            insert(conversations).values(
                id=conversation_id,
                tenant_id=self.tenant_id,
                user_id=user_id,
                title=self.seal.text("conversations.title", conversation_id, title[:200]),
            )
        )
        return conversation_id

    async def check(self, conversation_id: ConversationId, user_id: UserId) -> None:
        """Pass, or raise `NotFoundError` when this user has no such conversation."""
        found = await self.connection.execute(
            select(conversations.c.id).where(
                conversations.c.tenant_id == self.tenant_id,
                conversations.c.id == conversation_id,
                conversations.c.user_id == user_id,
            )
        )
        if found.one_or_none() is None:
            raise NotFoundError(f"No conversation {conversation_id}.")

    async def messages(self, conversation_id: ConversationId) -> Sequence[Message]:
        """In the order in which they were said."""
        found = await self.connection.execute(
            select(messages)
            .where(
                messages.c.tenant_id == self.tenant_id,
                messages.c.conversation_id == conversation_id,
            )
            .order_by(messages.c.id)
        )
        return [
            Message(
                MessageId(row.id),
                RunId(row.run_id),
                row.role,
                self.seal.open_text(_TEXT, row.id, row.text),
                row.grounded,
                row.answered,
                row.partial,
                row.created_at,
            )
            for row in found
        ]

    async def add_question(
        self, conversation_id: ConversationId, run_id: RunId, text: str
    ) -> MessageId:
        """What the user asked."""
        return await self._add(conversation_id, run_id, "user", text)

    async def add_answer(
        self,
        conversation_id: ConversationId,
        run_id: RunId,
        answer: Answer,
        *,
        partial: bool = False,
    ) -> MessageId:
        """What was answered, with its citations; `partial` when it was cut off."""
        message_id = await self._add(
            conversation_id,
            run_id,
            "assistant",
            answer.text,
            grounded=answer.grounded,
            answered=answer.answered,
            partial=partial,
        )
        rows = [
            {
                "id": citation_id,
                "tenant_id": self.tenant_id,
                "message_id": message_id,
                **asdict(citation),
                "quote": self.seal.text("citations.quote", citation_id, citation.quote),
            }
            for citation, citation_id in ((one, new_id()) for one in answer.citations)
        ]
        if rows:
            await self.connection.execute(insert(citations), rows)
        return message_id

    async def _add(
        self,
        conversation_id: ConversationId,
        run_id: RunId,
        role: str,
        text: str,
        **values: float | bool | None,
    ) -> MessageId:
        message_id = MessageId(new_id())
        await self.connection.execute(
            insert(messages).values(
                id=message_id,
                tenant_id=self.tenant_id,
                conversation_id=conversation_id,
                run_id=run_id,
                role=role,
                text=self.seal.text(_TEXT, message_id, text),
                **values,
            )
        )
        return message_id
