"""Every sentence of a written answer is held to what it cites; what fails says why."""

import pytest

from citewell.domain.passages import DoubtReason, Passage
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.retrieval.grounding.service import Grounded, Grounding
from tests.unit.agent.passages import passage
from tests.unit.retrieval.embedders import Absent, Secretive

BRIDGE = passage(
    "The harbour bridge crosses the bay. The harbour bridge was opened in 1932 by the governor."
    " It carries trains and cars. It was never painted red.",
    title="Harbour bridge",
    start=100,
)
LIGHTHOUSE = passage(
    "The lighthouse stands on a cliff. The lighthouse was built in 1871 of granite. Its lamp is"
    " seen from thirty miles. Its keeper said “the sea takes what it wants” and left.",
    title="Lighthouse",
)
PASSAGES = (BRIDGE, LIGHTHOUSE)
STEPS = passage("Run these:\n\n```sh\nmake build\nmake test\n```\n\nThen rest.", title="Steps")


@pytest.fixture
def grounding(embedder: BuiltinEmbedder) -> Grounding:
    return Grounding(embedder)


def reasons(found: Grounded) -> list[str]:
    return [doubt.reason.value for doubt in found.doubts]


HOLD = [
    "The harbour bridge was opened in 1932 by the governor. [1]",
    "In 1932 the governor opened the bridge of the harbour [1].",
    "Trains and cars are carried by the bridge [1].",
    "The lighthouse, built of granite in 1871, can be seen from 30 miles away. [2]",
    "The bridge carries cars [1] and the lighthouse is built of granite [2].",
    "The harbour bridge was opened in 1932, the lighthouse was built in 1871 [1][2].",
    "The keeper said “the sea takes what it wants” and left the lighthouse [2].",
    "The bridge has never been painted red [1].",
]
FAIL = [
    ("The harbour bridge was opened in 1933 by the governor. [1]", "unsupported_number"),
    ("The harbour bridge was opened on 3 May 1932 by the governor. [1]", "unsupported_date"),
    ("The harbour bridge was opened in 1932 by Anna Keller. [1]", "unsupported_name"),
    ("The harbour bridge was not opened by the governor. [1]", "negated"),
    ("It was painted red. [1]", "negated"),
    ("The harbour bridge was opened in 1932 by the governor. [2]", "unsupported_number"),
    ("The lighthouse is made of old cheese. [1]", "not_similar"),
    ("The harbour bridge was opened in 1932 by the governor.", "no_citation"),
    ("The harbour bridge was opened in 1932 by the governor. [7]", "unknown_mark"),
    ("The bridge is at https://evil.example/x?d=1 in the harbour. [1]", "unsupported_link"),
    ("The keeper said “the sea never takes a single thing” and left. [2]", "misquoted"),
    ("Der Leuchtturm steht schon lange auf einer Klippe. [2]", "other_language"),
]


@pytest.mark.parametrize("sentence", HOLD)
async def test_what_a_source_says_in_other_words_holds(grounding: Grounding, sentence: str) -> None:
    found = await grounding.check(sentence, PASSAGES)
    assert reasons(found) == []
    assert found.share == 1
    assert all(citation.verified for citation in found.citations)


@pytest.mark.parametrize(("sentence", "reason"), FAIL)
async def test_what_a_source_does_not_say_is_marked_with_the_reason(
    grounding: Grounding, sentence: str, reason: str
) -> None:
    found = await grounding.check(sentence, PASSAGES)
    assert reasons(found) == [reason]
    assert found.share == 0
    assert not any(citation.verified for citation in found.citations)


async def test_a_citation_points_at_the_sentences_that_support_it(grounding: Grounding) -> None:
    text = (
        "😀 The governor opened the bridge in 1932 [1], and its lamp is seen from thirty miles [2]."
    )
    found = await grounding.check(text, PASSAGES)
    first, second = found.citations
    assert text[first.answer_start : first.answer_end].endswith("the bridge in 1932")
    assert text[second.answer_start : second.answer_end].endswith("thirty miles")
    assert first.quote == "The harbour bridge was opened in 1932 by the governor."
    assert "Its lamp is seen from thirty miles." in second.quote
    for citation, cited in ((first, BRIDGE), (second, LIGHTHOUSE)):
        inside = slice(citation.start - cited.start, citation.end - cited.start)
        assert cited.text[inside] == citation.quote
        assert citation.version_id == cited.version_id
        assert citation.verified


async def test_a_mark_that_has_nothing_to_do_with_its_sentence_is_doubted_alone(
    grounding: Grounding,
) -> None:
    text = "The harbour bridge was opened in 1932 by the governor [1][2]."
    found = await grounding.check(text, (BRIDGE, passage("Bread is baked of flour.")))
    assert [(doubt.reason, doubt.number) for doubt in found.doubts] == [(DoubtReason.UNRELATED, 2)]
    assert [(one.number, one.verified) for one in found.citations] == [(1, True), (2, False)]
    assert found.share == 1


async def test_the_share_counts_sentences_that_need_a_footnote(grounding: Grounding) -> None:
    text = (
        "## The bridge\n\nThe documents say this:\n\n- It carries trains and cars. [1]\n"
        "- It was opened in 1940. [1]\n- It is very pretty.\n- It crosses the bay. [1]\n"
    )
    found = await grounding.check(text, PASSAGES)
    assert reasons(found) == ["unsupported_number", "no_citation"]
    assert found.share == 0.5
    assert [text[d.start : d.end] for d in found.doubts][1] == "- It is very pretty."


async def test_what_was_taken_from_one_source_does_not_hold_by_another_that_says_the_like(
    grounding: Grounding,
) -> None:
    asked = passage("The general term for software that is made to damage or steal data: malware.")
    false = passage("Firewall, surprisingly, is the general term for software made to steal data.")
    taken = "Firewall, surprisingly, is the general term for software made to steal data."
    assert (await grounding.check(f"{taken} [1]", [asked])).doubts == ()
    found = await grounding.check(f"{taken} [1]", [asked, false])
    assert reasons(found) == ["misattributed"]
    assert [one.verified for one in found.citations] == [False]
    for marks in ("[2]", "[1][2]"):
        held = await grounding.check(f"{taken} {marks}", [asked, false])
        assert (held.doubts, held.share) == ((), 1.0)


async def test_a_heading_needs_no_footnote_but_invents_no_figures(grounding: Grounding) -> None:
    text = "## The bridge of 1940\n\nThe harbour bridge crosses the bay. [1]"
    found = await grounding.check(text, PASSAGES)
    assert reasons(found) == ["unsupported_number"]
    assert (await grounding.check(text.replace("1940", "1932"), PASSAGES)).doubts == ()


async def test_code_has_to_stand_in_the_source_line_for_line(grounding: Grounding) -> None:
    text = "```sh\nmake build\nmake test\n```\n[1]"
    assert (await grounding.check(text, (STEPS,))).doubts == ()
    found = await grounding.check(text.replace("make test", "rm -rf /"), (STEPS,))
    assert reasons(found) == ["misquoted"]


async def test_what_is_said_to_be_missing_needs_no_footnote(grounding: Grounding) -> None:
    text = "The documents do not say who painted the bridge in Sydney."
    admissions = [(0, len(text))]
    asked = "Who painted the bridge in Sydney?"
    found = await grounding.check(text, PASSAGES, asked=asked, admissions=admissions)
    assert (found.doubts, found.citations, found.share) == ((), (), 1.0)
    found = await grounding.check(text, PASSAGES, asked="Who?", admissions=admissions)
    assert reasons(found) == ["unsupported_name"]


async def test_in_other_languages_words_decide(grounding: Grounding) -> None:
    german = passage(
        "Die Hafenbrücke überquert die Bucht. Die Hafenbrücke wurde 1932 vom Gouverneur eröffnet.",
        language="de",
    )
    chinese = passage("港口大桥横跨海湾。港口大桥于1932年由总督揭幕。", language="zh")
    sources: tuple[Passage, ...] = (german, chinese)
    good = "Der Gouverneur eröffnete die Hafenbrücke 1932. [1] 港口大桥由总督于1932年揭幕。[2]"
    assert (await grounding.check(good, sources)).doubts == ()
    bad = "Der Gouverneur eröffnete die Hafenbrücke 1933. [1] 港口大桥由总督于1933年揭幕。[2]"
    assert reasons(await grounding.check(bad, sources)) == ["unsupported_number"] * 2
    denied = "Der Gouverneur eröffnete die Hafenbrücke 1932 nicht. [1] 面包是用面粉做的。[2]"
    assert reasons(await grounding.check(denied, sources)) == ["negated", "not_similar"]


async def test_without_the_embedder_words_decide(embedder: BuiltinEmbedder) -> None:
    for other in (Absent(embedder.model), Secretive(embedder)):
        found = await Grounding(other).check(" ".join((HOLD[1], FAIL[6][0])), PASSAGES)
        assert reasons(found) == ["not_similar"]
        assert found.share == 0.5


async def test_an_answer_without_a_word_needs_nothing(grounding: Grounding) -> None:
    assert await grounding.check("", PASSAGES) == Grounded((), (), held=0, needed=0)
    assert await grounding.check("[1]", PASSAGES) == Grounded((), (), held=0, needed=0)
    assert reasons(await grounding.check("It is so. [1]", ())) == ["unknown_mark"]
