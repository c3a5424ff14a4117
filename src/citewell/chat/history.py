"""What the next question of a conversation is asked with: bounded in turns and in characters."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.chat.summary import folded
from citewell.domain.conversations import Exchange, Message, Remembered
from citewell.domain.ids import ConversationId, MessageId, RunId, UserId
from citewell.domain.memories import CONSENT
from citewell.storage.transaction import Transaction

MOST_TURNS = 6
# Of all turns together; older ones are left out for it.
MOST_CHARACTERS = 6_000
MOST_OF_AN_ANSWER = 1_500
# Of facts, the newest first.
MOST_FACTS_GIVEN = 20
MOST_FACT_CHARACTERS = 2_000
# A long conversation that was never summarised is caught up with in steps.
MOST_FOLDED = 40


@dataclass(frozen=True, slots=True)
class History:
    """What is known; `folded_to` is the last message that is new in the summary, None for none."""

    remembered: Remembered
    folded_to: MessageId | None = None


async def history(
    tx: Transaction, user_id: UserId, conversation_id: ConversationId | None
) -> History:
    """What a question of this user's is asked with; the conversation is theirs, or there is none.

    Changes nothing: whoever asks stores the summary with `Transaction.conversations`.
    """
    facts = await _facts(tx, user_id)
    if conversation_id is None:
        return History(Remembered(facts=facts))
    said = await tx.conversations.latest(conversation_id, limit=2 * MOST_TURNS)
    if len(said) < 2 * MOST_TURNS:
        return History(Remembered(turns_of(said), facts=facts))
    summary, folded_to = await tx.conversations.summary(conversation_id)
    since = await tx.conversations.messages(conversation_id, after=folded_to, limit=MOST_FOLDED)
    older = [one for one in since if one.id < said[0].id]
    if older:
        summary, folded_to = folded(summary, _exchanges(older)), older[-1].id
    known = Remembered(turns_of(said), summary, facts)
    return History(known, folded_to if older else None)


def turns_of(said: Sequence[Message]) -> tuple[Exchange, ...]:
    """The last turns that fit, the oldest first; an answer that is too long is cut.

    An answer whose question is not among the messages is left out.
    """
    return _fitting(_exchanges(said)[-MOST_TURNS:])


def _exchanges(said: Sequence[Message]) -> list[Exchange]:
    turns: dict[RunId, Exchange] = {}
    for message in said:
        if message.role == "user":
            turns[message.run_id] = Exchange(message.text)
        elif message.run_id in turns:
            question = turns[message.run_id].question
            text = _cut(message.text)
            turns[message.run_id] = Exchange(question, text, bool(message.answered))
    return list(turns.values())


def _fitting(turns: Sequence[Exchange]) -> tuple[Exchange, ...]:
    left, kept = MOST_CHARACTERS, list[Exchange]()
    for turn in reversed(turns):
        left -= len(turn.question) + len(turn.answer)
        if left < 0:
            break
        kept.append(turn)
    return tuple(reversed(kept))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_OF_AN_ANSWER else text[: MOST_OF_AN_ANSWER - 1] + "…"


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
