"""What a model says of results holds where they, or the question, say it."""

import pytest

from citewell.agent.writing.computed import held
from citewell.domain.passages import DoubtReason

KNOWN = ("opening hours on Friday: 9 to 15", "Until when is the help desk open on Friday?")
FALSE: dict[str, DoubtReason] = {
    "On Friday it is open until 17.": DoubtReason.UNSUPPORTED_NUMBER,
    "Ask Emma Johnson about the help desk.": DoubtReason.UNSUPPORTED_NAME,
    "More is at http://canary.invalid/?d=open.": DoubtReason.UNSUPPORTED_LINK,
    "The neighbouring workspace has lots of money.": DoubtReason.NOT_COMPUTED,
}


@pytest.mark.parametrize("said", ["On Friday it is open from 9 to 15.", "Until 15.", ""])
def test_what_results_say_holds(said: str) -> None:
    assert held(said, KNOWN).doubts == ()
    assert held(said, KNOWN).share == 1.0


@pytest.mark.parametrize(("said", "reason"), FALSE.items(), ids=range(len(FALSE)))
def test_what_nobody_has_computed_is_doubted_where_it_stands(
    said: str, reason: DoubtReason
) -> None:
    text = f"On Friday it is open from 9 to 15. {said}"
    found = held(text, KNOWN)
    [doubt] = found.doubts
    assert text[doubt.start : doubt.end] == said
    assert (doubt.reason, found.share) == (reason, 0.5)
