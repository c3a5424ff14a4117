"""A conversation in short without a language model: each turn's question and first sentence."""

from collections.abc import Sequence

from citewell.domain.conversations import Exchange
from citewell.domain.sentences import sentences
from citewell.domain.words import FOOTNOTE

MOST_SUMMARY = 2_000
MOST_LINE = 240
MOST_QUESTION = 100
# The newest lines; older ones make room by their answers first.
KEPT_WHOLE = 4
TO = " → "


def folded(summary: str, turns: Sequence[Exchange]) -> str:
    """The summary with these turns behind it, at most `MOST_SUMMARY` characters.

    Of the oldest turns it keeps the questions alone, then nothing.
    """
    lines = [*summary.splitlines(), *map(_line, turns)]
    while sum(len(line) + 1 for line in lines) > MOST_SUMMARY:
        whole = next((n for n, line in enumerate(lines[:-KEPT_WHOLE]) if TO in line), None)
        if whole is None:
            lines = lines[1:]
        else:
            lines[whole] = _cut(lines[whole].split(TO)[0], MOST_QUESTION)
    return "\n".join(lines)


def _line(turn: Exchange) -> str:
    question = _cut(turn.question, MOST_QUESTION)
    text = FOOTNOTE.sub("", turn.answer) if turn.answered else ""
    first = next((text[start:end] for start, end in sentences(text)), "")
    # The arrow is ours: what somebody wrote must not look like it.
    question = question.replace(TO, " ")
    return _cut(f"- {question}{TO}{first}" if first else f"- {question}", MOST_LINE)


def _cut(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
