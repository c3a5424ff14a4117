"""Messages and the citations under them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, insert, select

from citewell.domain.conversations import Message
from citewell.domain.ids import (
    ChunkId,
    ConversationId,
    DocumentId,
    MessageId,
    RunId,
    VersionId,
    new_id,
)
from citewell.domain.passages import Answer, Citation
from citewell.storage.repositories.scope import SealedScope
from citewell.storage.sealing.seal import Seal
from citewell.storage.tables.conversations import citations, messages

_TEXT, _QUOTE = "messages.text", "citations.quote"

Citations = Mapping[UUID, Sequence[Citation]]


class MessageRepository(SealedScope):
    """What was said in the conversations of one tenant."""

    async def messages(
        self,
        conversation_id: ConversationId,
        *,
        after: MessageId | None = None,
        limit: int | None = None,
    ) -> Sequence[Message]:
        """In the order in which they were said, with their citations."""
        beyond = [] if after is None else [messages.c.id > after]
        found = await self.connection.execute(
            select(messages)
            .where(self._in(conversation_id), *beyond)
            .order_by(messages.c.id)
            .limit(limit)
        )
        rows = found.all()
        cited = await self._citations([row.id for row in rows if row.role == "assistant"])
        return [self._message(row, cited) for row in rows]

    async def latest(self, conversation_id: ConversationId, *, limit: int) -> Sequence[Message]:
        """The last `limit` messages in the order in which they were said, without citations."""
        found = await self.connection.execute(
            select(messages)
            .where(self._in(conversation_id))
            .order_by(messages.c.id.desc())
            .limit(limit)
        )
        return [self._message(row, {}) for row in reversed(found.all())]

    async def add_question(
        self, conversation_id: ConversationId, run_id: RunId, text: str
    ) -> MessageId:
        """What the user asked."""
        row = _row(self.seal, "user", text)
        await self._add(conversation_id, run_id, row)
        return MessageId(row["id"])

    async def add_answer(
        self,
        conversation_id: ConversationId,
        run_id: RunId,
        answer: Answer,
        *,
        partial: bool = False,
    ) -> MessageId:
        """What was answered, with its citations; `partial` when it was cut off."""
        row = answer_row(self.seal, answer, partial=partial)
        await self._add(conversation_id, run_id, row)
        cited = citation_rows(self.seal, row["id"], answer.citations)
        if cited:
            rows = [{"tenant_id": self.tenant_id, **one} for one in cited]
            await self.connection.execute(insert(citations), rows)
        return MessageId(row["id"])

    async def _add(
        self, conversation_id: ConversationId, run_id: RunId, row: Mapping[str, Any]
    ) -> None:
        inside = {"conversation_id": conversation_id, "run_id": run_id}
        stored = {"tenant_id": self.tenant_id, **inside, **row}
        await self.connection.execute(insert(messages), stored)

    async def _citations(self, said: Sequence[UUID]) -> Citations:
        if not said:
            return {}
        found = await self.connection.execute(
            select(citations)
            .where(citations.c.tenant_id == self.tenant_id, citations.c.message_id.in_(said))
            .order_by(citations.c.answer_start, citations.c.id)
        )
        by_message: dict[UUID, list[Citation]] = {}
        for row in found:
            by_message.setdefault(row.message_id, []).append(self._citation(row))
        return by_message

    def _citation(self, row: Row[Any]) -> Citation:
        return Citation(
            number=row.number,
            answer_start=row.answer_start,
            answer_end=row.answer_end,
            chunk_id=ChunkId(row.chunk_id),
            document_id=DocumentId(row.document_id),
            version_id=VersionId(row.version_id),
            start=row.start,
            end=row.end,
            quote=self.seal.open_text(_QUOTE, row.id, row.quote),
            title=row.title,
            filename=row.filename,
            page=row.page,
            verified=row.verified,
        )

    def _message(self, row: Row[Any], cited: Citations) -> Message:
        return Message(
            MessageId(row.id),
            RunId(row.run_id),
            row.role,
            self.seal.open_text(_TEXT, row.id, row.text),
            row.grounded,
            row.answered,
            row.partial,
            row.created_at,
            tuple(cited.get(row.id, ())),
        )

    def _in(self, conversation_id: ConversationId) -> ColumnElement[bool]:
        return (messages.c.tenant_id == self.tenant_id) & (
            messages.c.conversation_id == conversation_id
        )


def answer_row(seal: Seal, answer: Answer, *, partial: bool) -> dict[str, Any]:
    """What is stored of an answer itself."""
    values = {"grounded": answer.grounded, "answered": answer.answered, "partial": partial}
    return {**_row(seal, "assistant", answer.text), **values}


def citation_rows(
    seal: Seal, message_id: MessageId, cited: Sequence[Citation]
) -> list[dict[str, Any]]:
    """What is stored of the citations of an answer."""
    return [
        {
            "id": citation_id,
            "message_id": message_id,
            **asdict(citation),
            "quote": seal.text(_QUOTE, citation_id, citation.quote),
        }
        for citation, citation_id in ((one, new_id()) for one in cited)
    ]


def _row(seal: Seal, role: str, text: str) -> dict[str, Any]:
    message_id = MessageId(new_id())
    return {"id": message_id, "role": role, "text": seal.text(_TEXT, message_id, text)}
