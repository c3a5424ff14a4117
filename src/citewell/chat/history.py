"""What the next question of a conversation is asked with, read from the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.chat.memory import MOST_STORED, MOST_TURNS, Memory
from citewell.domain.conversations import Exchange, Message, Remembered
from citewell.domain.ids import ConversationId, MessageId, RunId, UserId
from citewell.domain.memories import CONSENT
from citewell.storage.transaction import Transaction

# Of facts, the newest first.
MOST_FACTS_GIVEN = 20
MOST_FACT_CHARACTERS = 2_000
# A long conversation that was never summed up is caught up with in steps.
MOST_SUMMED = 40


@dataclass(frozen=True, slots=True)
class History:
    """What is known; `summed_to` is the last message that is new in the summary, None for none."""

    remembered: Remembered
    summed_to: MessageId | None = None


async def history(
    tx: Transaction, memory: Memory, user_id: UserId, conversation_id: ConversationId | None
) -> History:
    """What a question of this user's is asked with; the conversation is theirs, or there is none.

    Changes nothing: whoever asks stores the summary with `Transaction.conversations`.
    """
    facts = await _facts(tx, user_id)
    if conversation_id is None:
        return History(Remembered(facts=facts))
    said = await tx.conversations.latest(conversation_id, limit=2 * MOST_TURNS)
    turns = memory.chosen(exchanges(said)[-MOST_TURNS:])
    if len(said) < 2 * MOST_TURNS:
        return History(Remembered(turns, facts=facts))
    summary, summed_to = await tx.conversations.summary(conversation_id)
    since = await tx.conversations.messages(conversation_id, after=summed_to, limit=MOST_SUMMED)
    older = [one for one in since if one.id < said[0].id]
    if older:
        summary = memory.summed(summary, exchanges(older))[:MOST_STORED]
        summed_to = older[-1].id
    return History(Remembered(turns, summary, facts), summed_to if older else None)


def exchanges(said: Sequence[Message]) -> list[Exchange]:
    """Questions with their answers, the oldest first; an answer without its question is left out.

    A question that is being answered has no answer yet.
    """
    turns: dict[RunId, Exchange] = {}
    for message in said:
        if message.role == "user":
            turns[message.run_id] = Exchange(message.text)
        elif message.run_id in turns:
            question = turns[message.run_id].question
            turns[message.run_id] = Exchange(question, message.text, bool(message.answered))
    return list(turns.values())


async def _facts(tx: Transaction, user_id: UserId) -> tuple[str, ...]:
    """The newest that fit; none of somebody who has taken their consent back."""
    kept = await tx.memories.of(user_id, limit=MOST_FACTS_GIVEN)
    if not kept or not await tx.requests.has_agreed(user_id, CONSENT):
        return ()
    left, given = MOST_FACT_CHARACTERS, list[str]()
    for fact in kept:
        left -= len(fact.text)
        if left >= 0:
            given.append(fact.text)
    return tuple(given)
