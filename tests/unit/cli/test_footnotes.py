"""What stands under an answer in a terminal."""

from typing import Any

import pytest

from citewell.cli.conversing.footnotes import print_footnotes


def answer(**told: Any) -> dict[str, Any]:
    return {
        "response": "420", "citations": [], "doubts": [], "related": [], "answered": True,
        "reason": "", **told,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("computed", "Computed, not quoted from the documents."),
        ("from_memory", "Repeated from what was said and kept before, not from the documents."),
        ("", ""),
    ],
)
def test_an_answer_without_footnotes_says_where_it_comes_from(
    reason: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_footnotes(answer(reason=reason))
    assert capsys.readouterr().out.strip() == said


def test_what_could_not_be_computed_is_not_called_computed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_footnotes(answer(reason="computed", answered=False))
    assert capsys.readouterr().out == ""
