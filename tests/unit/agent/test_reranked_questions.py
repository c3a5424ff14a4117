"""A question is looked up with the reranker that the operator has chosen."""

from citewell.agent.looks.look import look
from citewell.agent.service import Agent
from citewell.agent.state import State
from citewell.domain.run_events import AnswerFinished, Noticed, Question
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.reranking.http_reranker import HttpReranker, RerankServer
from citewell.retrieval.citations import Citations
from citewell.retrieval.reranking import Reranking
from citewell.retrieval.service import Retrieval
from tests.contract.openai_server import Answer
from tests.contract.rerank_server import MODEL, rerank_server
from tests.unit.retrieval.library import Library

OPENED = "When was the harbour bridge opened?"


async def test_a_remote_reranker_is_asked_at_the_first_look_and_its_failure_is_told(
    library: Library, retrieval: Retrieval, embedder: BuiltinEmbedder
) -> None:
    book = await library.add("Bridge", "The harbour bridge was opened in 1932 by the governor.")
    await library.add("Bay", "The harbour bridge crosses the bay. It carries trains and cars.")
    question = Question(OPENED, (book.collection_id,))
    with rerank_server() as server:
        reranker = HttpReranker.open(RerankServer(MODEL, server.base_url))
        projections = retrieval.projections
        chosen = Retrieval(library.database, embedder, projections, Reranking(reranker))
        agent = Agent(chosen, embedder, Citations(library.database))
        good = [event async for event in agent.run(library.reader, question)]
        server.script.append(Answer(403))
        bad = [event async for event in agent.run(library.reader, question)]
        await chosen.close()
    assert [asked["query"] for asked in server.requests] == [OPENED, OPENED]
    for events, degraded in ((good, ()), (bad, ("rerank_unavailable",))):
        last = events[-1]
        assert isinstance(last, AnswerFinished)
        assert "1932" in last.answer.text
        assert last.answer.degraded == degraded
        notices = [event for event in events if isinstance(event, Noticed)]
        assert notices == [Noticed("degraded", one) for one in degraded]


async def test_a_look_beside_the_first_is_reranked_too(
    library: Library, retrieval: Retrieval, embedder: BuiltinEmbedder
) -> None:
    book = await library.add("Bridge", "The harbour bridge was opened in 1932 by the governor.")
    await library.add("Bay", "The harbour bridge crosses the bay. It carries trains and cars.")
    question = Question("Who opened what crosses the bay?", (book.collection_id,))
    state = State(principal=library.reader, question=question)
    with rerank_server() as server:
        reranker = HttpReranker.open(RerankServer(MODEL, server.base_url))
        projections = retrieval.projections
        chosen = Retrieval(library.database, embedder, projections, Reranking(reranker))
        await look(chosen, state, ["What crosses the bay?", OPENED])
        await look(retrieval, state, [OPENED])
        await chosen.close()
    assert {asked["query"] for asked in server.requests} == {"What crosses the bay?", OPENED}
    assert len(server.requests) == 2
