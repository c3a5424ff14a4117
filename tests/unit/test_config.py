"""Settings come from the environment; what is wrong in it is named with what to do."""

from pathlib import Path

import pytest

from citewell.api.single_sign_on import newcomers_of, provider_of
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


PROVIDER = {
    "CITEWELL_OIDC__ISSUER": "https://login.example.org",
    "CITEWELL_OIDC__CLIENT_ID": "citewell",
    "CITEWELL_OIDC__PUBLIC_URL": "https://citewell.example.org",
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"CITEWELL_OIDC__CLIENT_ID": "x"}, "without an ISSUER"),
        ({"CITEWELL_OIDC__ISSUER": "https://login.example.org"}, "CLIENT_ID and PUBLIC_URL"),
        (
            {
                **PROVIDER,
                "CITEWELL_OIDC__CLIENT_SECRET": "s",
                "CITEWELL_OIDC__CLIENT_SECRET_FILE": "f",
            },
            "are both set",
        ),
        ({**PROVIDER, "CITEWELL_OIDC__NEWCOMERS": "viewer"}, "come together"),
        ({**PROVIDER, "CITEWELL_OIDC__NEWCOMERS": "owner"}, "CITEWELL_OIDC__NEWCOMERS has"),
        ({**PROVIDER, "CITEWELL_OIDC__NEWCOMER_DOMAINS": "example.org"}, "come together"),
    ],
)
def test_half_a_provider_stops_the_start(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StartError, match=said):
        read_settings()


def test_the_secret_of_a_provider_comes_from_its_file_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PROVIDER.items():
        monkeypatch.setenv(name, value)
    assert newcomers_of(read_settings().oidc).role is None, "nobody unknown, unless it is said"
    file = tmp_path / "client-secret"
    monkeypatch.setenv("CITEWELL_OIDC__CLIENT_SECRET_FILE", str(file))
    with pytest.raises(StartError, match="cannot be read"):
        provider_of(read_settings().oidc)
    file.write_text(" \n")
    with pytest.raises(StartError, match="is empty"):
        provider_of(read_settings().oidc)
    file.write_text("canary\n")
    found = provider_of(read_settings().oidc)
    assert found is not None
    assert found.registration.secret == "canary"
    assert found.registration.shown_name == "login.example.org"
    assert "canary" not in repr(found)


def test_models_are_named_in_the_order_in_which_they_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_settings().llm.names == (), "no model unless it is said"
    monkeypatch.setenv("CITEWELL_LLM__MODEL", "openai:gpt-4o-mini")
    monkeypatch.setenv("CITEWELL_LLM__FALLBACKS", "ollama:llama3.1:8b, openai:m@http://gpu:8000/v1")
    assert read_settings().llm.names == (
        "openai:gpt-4o-mini",
        "ollama:llama3.1:8b",
        "openai:m@http://gpu:8000/v1",
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"CITEWELL_LLM__FALLBACKS": "openai:m"}, "without a MODEL"),
        ({"CITEWELL_LLM__MODEL": "openai:m", "CITEWELL_LLM__INPUT_PRICE": "1"}, "come together"),
        (
            {"CITEWELL_LLM__MODEL": "m", "CITEWELL_LLM__TEMPERATURE": "9"},
            "CITEWELL_LLM__TEMPERATURE",
        ),
    ],
)
def test_half_a_model_stops_the_start(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StartError, match=said):
        read_settings()
