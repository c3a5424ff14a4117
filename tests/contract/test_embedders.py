"""What every embedder promises, kept by each of them; the remote one over real HTTP."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from citewell.domain.errors import UnavailableError
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.embedding import Embedder, PassageText
from citewell.inference.openai_embedder import OpenAIEmbedder, OpenAIServer
from tests.contract.openai_server import DIMENSION, model_server

Either = BuiltinEmbedder | OpenAIEmbedder

TEXTS = [
    "Rain fell on the harbour all night, and the boats stayed in.",
    "Payroll closes on the fifth working day of each month.",
    "A tulip bulb needs a cold winter before it will flower.",
    "def connect(host, port): return socket.create_connection((host, port))",
]
ODD = [
    "",
    " ",
    "\n\n\t",
    "\ud800 broken \udfff",
    "\x00\x07\x1b[0m",
    "日本語のテキスト",
    "🦜" * 50,
    "a" * 5000,
]


@pytest.fixture(params=["builtin", "openai"])
async def embedder(request: pytest.FixtureRequest) -> AsyncIterator[Either]:
    if request.param == "builtin":
        local = BuiltinEmbedder(2)
        yield local
        await local.close()
        return
    with model_server() as server:
        remote = await OpenAIEmbedder.open(OpenAIServer("words", server.base_url))
        yield remote
        await remote.close()


async def test_it_is_an_embedder_and_says_its_dimension(embedder: Either) -> None:
    promised: Embedder = embedder
    vector = await promised.embed_query("boats")
    assert vector.shape == (promised.model.dimension,)
    assert promised.model.dimension in {384, DIMENSION}


async def test_every_row_has_length_one_however_odd_the_text(embedder: Either) -> None:
    rows = np.concatenate(await embedder.embed_passages([PassageText(text) for text in ODD]))
    queries = np.stack([await embedder.embed_query(text) for text in ODD])
    for vectors in (rows, queries):
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


async def test_no_passages_give_no_vectors(embedder: Either) -> None:
    assert await embedder.embed_passages([]) == []


async def test_a_vector_depends_on_its_text_alone_and_keeps_its_place(embedder: Either) -> None:
    texts = [
        f"{TEXTS[n % 4]} Entry number {n}. {'More words follow. ' * (n % 7)}" for n in range(300)
    ]
    together = await embedder.embed_passages([PassageText(text) for text in texts])
    assert len(together) == len(texts)
    for number in (0, 1, 127, 128, 129, 255, 299):
        (alone,) = await embedder.embed_passages([PassageText(texts[number])])
        np.testing.assert_allclose(alone, together[number], atol=1e-6)


async def test_a_question_lies_nearest_to_the_text_that_answers_it(embedder: Either) -> None:
    rows = np.concatenate(await embedder.embed_passages([PassageText(text) for text in TEXTS]))
    asked = await embedder.embed_query("when does a tulip bulb flower after winter")
    assert int((rows @ asked).argmax()) == 2


async def test_context_moves_the_vector_but_does_not_replace_the_text(embedder: Either) -> None:
    heading = "Gardening handbook, spring chapter. " * 40
    bare, framed = await embedder.embed_passages(
        [PassageText(TEXTS[1]), PassageText(TEXTS[1], context=heading)]
    )
    (only,) = await embedder.embed_passages([PassageText("", context=heading)])
    assert float(bare[0] @ framed[0]) < 0.999
    assert float(framed[0] @ only[0]) < 0.999


async def test_windows_give_a_row_each_or_none_at_all(embedder: Either) -> None:
    (rows,) = await embedder.embed_passages([PassageText(TEXTS[0], windows=((0, 20), (20, 60)))])
    assert rows.shape[0] in {1, 3}


async def test_each_clause_of_a_question_lies_nearest_to_its_own_answer(embedder: Either) -> None:
    passages = np.concatenate(await embedder.embed_passages([PassageText(text) for text in TEXTS]))
    first, second = "when is payroll closed each month", "what does a tulip bulb need in winter"
    question = f"{first}, and {second}"
    spans = ((0, len(first)), (len(question) - len(second), len(question)))
    rows = await embedder.embed_clauses(question, spans)
    assert rows.shape == (3, embedder.model.dimension)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(rows[0], await embedder.embed_query(question), atol=1e-6)
    assert (rows[1:] @ passages.T).argmax(1).tolist() == [1, 2]
    alone = await embedder.embed_clauses(question, ())
    np.testing.assert_allclose(alone, rows[:1], atol=1e-6)


async def test_token_states_are_unit_rows_with_their_characters_or_none(embedder: Either) -> None:
    found = await embedder.token_states(TEXTS)
    if found is None:
        return
    for text, tokens in zip(TEXTS, found, strict=True):
        assert tokens.states.shape == (len(tokens.spans), embedder.model.dimension)
        assert np.linalg.norm(tokens.states, axis=1) == pytest.approx(1.0, abs=1e-5)
        assert "".join(text[a:b] for a, b in tokens.spans) == text.replace(" ", "")


async def test_longer_texts_have_more_tokens_and_empty_ones_none(embedder: Either) -> None:
    assert embedder.count_tokens("") == 0
    assert 0 < embedder.count_tokens(TEXTS[0]) < embedder.count_tokens(TEXTS[0] * 3)


async def test_a_closed_embedder_says_that_it_is_unavailable(embedder: Either) -> None:
    await embedder.close()
    await embedder.close()
    with pytest.raises(UnavailableError, match="closed"):
        await embedder.embed_query("anybody there?")
    with pytest.raises(UnavailableError, match="closed"):
        await embedder.embed_passages([PassageText("anybody there?")])
