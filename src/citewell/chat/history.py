"""What the next question of a conversation is asked with: bounded in turns and in characters."""

from collections.abc import Sequence

from citewell.domain.conversations import Exchange, Message, Remembered
from citewell.domain.ids import ConversationId, RunId
from citewell.storage.transaction import Transaction

MOST_TURNS = 6
# Of all turns together; older ones are left out for it.
MOST_CHARACTERS = 6_000
MOST_OF_AN_ANSWER = 1_500


async def remembered(tx: Transaction, conversation_id: ConversationId) -> Remembered:
    """What is known of a conversation of the caller's, who was checked before."""
    said = await tx.conversations.latest(conversation_id, limit=2 * MOST_TURNS)
    return Remembered(turns=turns_of(said))


def turns_of(said: Sequence[Message]) -> tuple[Exchange, ...]:
    """The last turns that fit, the oldest first; an answer that is too long is cut.

    An answer whose question is not among the messages is left out.
    """
    turns: dict[RunId, Exchange] = {}
    for message in said:
        if message.role == "user":
            turns[message.run_id] = Exchange(message.text)
        elif message.run_id in turns:
            question = turns[message.run_id].question
            text = _cut(message.text)
            turns[message.run_id] = Exchange(question, text, bool(message.answered))
    return _fitting(list(turns.values())[-MOST_TURNS:])


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
