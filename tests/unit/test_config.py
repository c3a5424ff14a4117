"""Settings come from the environment; what is wrong in it is named with what to do."""

import pytest

from citewell.config import read_settings
from citewell.domain.errors import StartError


@pytest.mark.parametrize(
    ("name", "value", "said", "hint"),
    [
        ("PORT", "many", "PORT has a wrong value", "Correct"),
        ("CITEWELL_LIMITS__QUESTION_CHARS", "0", "CITEWELL_LIMITS__QUESTION_CHARS has", "Correct"),
        (
            "CITEWELL_LIMITS__QUESTION_CHAR", "9",
            "CITEWELL_LIMITS__QUESTION_CHAR is not a setting",
            "Did you mean CITEWELL_LIMITS__QUESTION_CHARS?",
        ),
    ],
)  # fmt: skip
def test_a_wrong_variable_stops_the_start_by_its_name(
    name: str, value: str, said: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StartError) as refused:
        read_settings()
    assert said in refused.value.message
    assert hint in refused.value.hint


def test_what_was_given_by_hand_counts_more_than_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORT", "1000")
    assert read_settings().port == 1000
    assert read_settings(port=2000, host=None).port == 2000


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:canary@h/d")
    assert "canary" not in repr(read_settings())
    assert "canary" not in str(read_settings().model_dump())
