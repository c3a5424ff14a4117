"""Conversations as their owner sees them: listed, read, renamed, removed."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from citewell.chat.history import history
from citewell.chat.memory import Memory, Summary
from citewell.documents.revisions import check_unchanged
from citewell.domain.accounts import Member
from citewell.domain.conversations import Conversation, Message, Remembered
from citewell.domain.ids import ConversationId, MessageId
from citewell.domain.principal import Principal, Scope
from citewell.storage.database import Database
from citewell.storage.repetition import RequestKey, do_once


@dataclass(frozen=True, slots=True)
class Context:
    """What the next question of a conversation is asked with, and who asks it, when."""

    person: Member
    conversation: Conversation
    remembered: Remembered
    at: datetime


@dataclass(frozen=True, slots=True)
class Conversations:
    """Every method raises `DeniedError` without `Scope.ASK`.

    What is not this user's is a `NotFoundError`, also for administrators.
    """

    database: Database
    memory: Memory = field(default_factory=Summary)

    async def create(
        self, principal: Principal, title: str = "", *, once: RequestKey | None = None
    ) -> Conversation:
        """An empty one; without a title its first question becomes one.

        A repetition under the same key, `once`, makes nothing and returns the same.
        """
        principal.require(Scope.ASK)
        async with self.database.transaction(principal) as tx:

            async def create() -> Conversation:
                made = await tx.conversations.create(principal.user_id, title)
                return await tx.conversations.get(made, principal.user_id)

            key = None if once is None else once.of(principal, title)
            created, _ = await do_once(tx, key, Conversation, create)
            return created

    async def page(
        self, principal: Principal, *, before: ConversationId | None = None, limit: int = 50
    ) -> Sequence[Conversation]:
        """The newest first."""
        principal.require(Scope.ASK)
        async with self.database.transaction(principal) as tx:
            return await tx.conversations.page(principal.user_id, before=before, limit=limit)

    async def get(self, principal: Principal, conversation_id: ConversationId) -> Conversation:
        """One of them."""
        principal.require(Scope.ASK)
        async with self.database.transaction(principal) as tx:
            return await tx.conversations.get(conversation_id, principal.user_id)

    async def rename(
        self,
        principal: Principal,
        conversation_id: ConversationId,
        title: str,
        *,
        seen: AbstractSet[str] | None = None,
    ) -> Conversation:
        """Give it another title. Raises `ChangedError` when it is in none of the revisions `seen`.

        A question asked meanwhile changes a conversation too.
        """
        principal.require(Scope.ASK)
        async with self.database.transaction(principal) as tx:
            found = await tx.conversations.lock(conversation_id, principal.user_id)
            check_unchanged(found, seen)
            await tx.conversations.rename(conversation_id, title)
            return await tx.conversations.get(conversation_id, principal.user_id)

    async def delete(self, principal: Principal, conversation_id: ConversationId) -> None:
        """Remove it with everything said in it; runs that go on are stopped."""
        principal.require(Scope.ASK)
        async with self.database.transaction(principal) as tx:
            await tx.conversations.lock(conversation_id, principal.user_id)
            for run_id in await tx.conversations.running(conversation_id):
                await tx.runs.request_cancel(run_id)
            await tx.conversations.delete(conversation_id)

    async def messages(
        self,
        principal: Principal,
        conversation_id: ConversationId,
        *,
        after: MessageId | None = None,
        limit: int = 50,
    ) -> Sequence[Message]:
        """In the order in which they were said, those after `after`."""
        principal.require(Scope.ASK)
        async with self.database.transaction(principal) as tx:
            await tx.conversations.get(conversation_id, principal.user_id)
            return await tx.conversations.messages(conversation_id, after=after, limit=limit)

    async def context(self, principal: Principal, conversation_id: ConversationId) -> Context:
        """What its next question would be asked with."""
        principal.require(Scope.ASK)
        async with self.database.transaction(principal) as tx:
            conversation = await tx.conversations.get(conversation_id, principal.user_id)
            person = await tx.users.get(principal.user_id)
            known = await history(tx, self.memory, principal.user_id, conversation_id)
            return Context(person, conversation, known.remembered, await tx.now())
