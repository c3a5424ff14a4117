"""The agent speaks the language of the question where it can, English where it cannot."""

import pytest

from citewell.agent.service import Agent
from citewell.agent.wording import WORDINGS, language_name, wording
from citewell.domain.run_events import AnswerFinished, Question
from tests.unit.retrieval.library import Library

ASKED = {
    "What is the boiling point of mercury?": "The documents do not answer this.",
    "Was ist der Siedepunkt von Quecksilber?": "Die Dokumente beantworten das nicht.",
    "Quelle est la température de fusion du mercure ?": "Les documents ne répondent pas",
    "¿Cuál es el punto de ebullición del mercurio?": "Los documentos no responden",
    "Qual è il punto di ebollizione del mercurio?": "The documents do not answer this.",
    "水银的沸点是多少？": "The documents do not answer this.",
}
NOTHING = {
    "What is it?": "There is nothing to answer from",
    "Was ist das für ein Haus?": "Es gibt nichts, woraus sich antworten ließe",
    "Qu’est-ce que c’est que la maison dans la rue ?": "Il n’y a rien d’où tirer une réponse",
    "¿Qué es esto y quién lo ha hecho?": "No hay nada de donde responder",
}


async def said(agent: Agent, library: Library, text: str) -> str:
    question = Question(text, (await library.collection(),))
    events = [event async for event in agent.run(library.reader, question)]
    last = events[-1]
    assert isinstance(last, AnswerFinished)
    assert not last.answer.answered
    return last.answer.text


async def test_that_there_is_nothing_is_said_in_the_language_of_the_question(
    agent: Agent, library: Library
) -> None:
    for text, beginning in NOTHING.items():
        answer = await said(agent, library, text)
        assert answer.startswith(beginning)
        assert " ".join(text.split()) in answer


async def test_a_refusal_is_in_the_language_of_the_question(agent: Agent, library: Library) -> None:
    await library.add("Granite", "Granite is a hard rock of quartz and feldspar.")
    for text, beginning in ASKED.items():
        assert (await said(agent, library, text)).startswith(beginning)


@pytest.mark.parametrize("language", WORDINGS)
def test_every_language_says_everything(language: str) -> None:
    words = wording(language)
    for pattern in (words.nothing_near, words.nothing_found):
        assert pattern.count("{question}") == 1
        assert words.about(pattern, "a {question} of\n %s {0}").count("a {question} of %s {0}") == 1
        assert len(words.about(pattern, "x" * 5000)) < 600
    assert words.not_said
    assert language_name(language)


def test_a_language_that_is_not_spoken_is_answered_in_english() -> None:
    assert wording("xx") is wording("") is wording("en")
    assert (language_name("xx"), language_name("")) == ("", "")
