"""Reading: how near each sentence of a passage is to the question."""

import numpy as np
import pytest

from citewell.agent.reading import MOST_EMBEDDED, Read, read, read_words
from citewell.agent.saying import sayings
from citewell.domain.errors import UpstreamError
from citewell.inference.builtin_embedder import BuiltinEmbedder
from tests.unit.agent.passages import passage
from tests.unit.retrieval.embedders import Absent, Secretive

QUESTION = "Where was the treaty signed?"
BREAD = passage("Bread is baked in an oven. It needs yeast.", title="Bread")
TREATY = passage(
    "The war lasted for years. The treaty was signed in Vienna. Then people danced.",
    title="Treaty",
)
PASSAGES = [BREAD, TREATY]


def nearest(found: Read, of: str) -> str:
    best = max(found.passages[1], key=lambda near: float(getattr(near, of)))
    return TREATY.text[slice(*best.span)]


async def test_every_sentence_that_says_something_is_read_once(embedder: BuiltinEmbedder) -> None:
    found = await read(embedder, QUESTION, ["treati", "sign"], PASSAGES)
    spans = [[near.span for near in sentences] for sentences in found.passages]
    assert spans == [sayings(one.text) for one in PASSAGES]
    assert found.has_matches


async def test_the_sentence_that_answers_is_the_nearest_in_meaning_and_in_words(
    embedder: BuiltinEmbedder,
) -> None:
    found = await read(embedder, QUESTION, ["treati", "sign"], PASSAGES)
    answer = "The treaty was signed in Vienna."
    assert nearest(found, "cosine") == nearest(found, "matches") == answer
    every = [near for sentences in found.passages for near in sentences]
    assert all(-1 <= near.cosine <= 1.001 and near.matches <= 1.001 for near in every)


async def test_words_that_carry_the_question_count_for_more_than_those_that_only_ask(
    embedder: BuiltinEmbedder,
) -> None:
    other = passage("Where was it? The treaty, signed at last, was there.")
    carrying = await read(embedder, QUESTION, ["treati", "sign"], [other])
    alike = await read(embedder, QUESTION, ["where", "was"], [other])
    asking, saying = (0, 1)
    lead = [
        n.passages[0][saying].matches - n.passages[0][asking].matches for n in (carrying, alike)
    ]
    assert lead[0] > lead[1]


async def test_an_embedder_without_token_states_reads_each_sentence_by_its_vector(
    embedder: BuiltinEmbedder,
) -> None:
    found = await read(Secretive(embedder), QUESTION, ["treati"], PASSAGES)
    assert not found.has_matches
    assert nearest(found, "cosine") == "The treaty was signed in Vienna."
    assert all(near.matches == 0 for sentences in found.passages for near in sentences)


async def test_of_very_many_sentences_only_the_first_are_embedded(
    embedder: BuiltinEmbedder,
) -> None:
    long = passage("It is a sentence. " * (MOST_EMBEDDED + 5))
    found = await read(Secretive(embedder), QUESTION, [], [TREATY, long, BREAD])
    assert [len(sentences) for sentences in found.passages] == [3, MOST_EMBEDDED - 3, 0]


@pytest.mark.parametrize("question", ["", "?", "🙂", "\ud800", "word " * 400])
async def test_any_question_can_be_read_for(embedder: BuiltinEmbedder, question: str) -> None:
    found = await read(embedder, question, [], [*PASSAGES, passage(""), passage("…")])
    assert [len(sentences) for sentences in found.passages] == [2, 3, 0, 0]
    numbers = [(near.cosine, near.matches) for one in found.passages for near in one]
    assert np.isfinite(numbers).all()


def test_by_words_alone_every_sentence_is_read_and_none_is_nearer() -> None:
    found = read_words(PASSAGES)
    spans = [[near.span for near in sentences] for sentences in found.passages]
    assert spans == [sayings(one.text) for one in PASSAGES]
    assert {near.cosine + near.matches for one in found.passages for near in one} == {0.0}
    assert not found.has_meaning


async def test_no_passages_are_read_in_no_time(embedder: BuiltinEmbedder) -> None:
    assert (await read(embedder, QUESTION, ["treati"], [])).passages == ()


async def test_an_embedder_that_cannot_answer_is_not_hidden(embedder: BuiltinEmbedder) -> None:
    with pytest.raises(UpstreamError):
        await read(Absent(embedder.model), QUESTION, [], PASSAGES)
