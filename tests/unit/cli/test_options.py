"""Options stand where people write them, and errors come in the form that was asked for."""

import json
import sys
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from citewell.cli import main as entry
from citewell.cli.main import app
from citewell.cli.options import Target, wants_json
from citewell.cli.output import Form


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "version"), ("version", "--json"), ("-o", "json", "version"),
        ("--output", "json", "version"), ("--output=json", "version"),
    ],
)  # fmt: skip
def test_json_may_be_asked_for_before_and_after_the_command(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    assert set(json.loads(done.stdout)) == {"version"}


def commands(command: Any = None, name: str = "") -> dict[str, Any]:
    command = command or typer.main.get_command(app)
    below = getattr(command, "commands", None)
    if below is None:
        return {name.strip(): command}
    return {k: v for part, one in below.items() for k, v in commands(one, f"{name} {part}").items()}


def test_every_command_with_a_result_can_write_json() -> None:
    without = {
        name
        for name, command in commands().items()
        if not any("--json" in option.opts for option in command.params)
    }
    assert without == {"serve", "worker"}


def test_every_argument_and_option_says_what_it_is_for() -> None:
    silent = [
        f"{name} {one.name}"
        for name, command in commands().items()
        for one in command.params
        if not one.hidden and not one.help
    ]
    assert silent == []


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",), ("docs", "rm"), ("docs", "list", "--status", "lost"),
        ("search", "x", "--mode", "magic"), ("search", "x", "-n", "0"), ("ask",),
        ("docs", "add", "a", "b", "--title", "T"),
        ("--server", "ftp://x", "docs", "list"), ("docs", "list", "-o", "xml"),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_2_and_one_json_object_when_json_was_asked_for(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for asked in ((), ("--json",)):
        monkeypatch.setattr(sys, "argv", ["citewell", *asked, *words])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        assert ended.value.code == 2
        out, err = capsys.readouterr()
        assert out == ""
        if asked:
            said = json.loads(err)
            assert said["exit"] == 2
            assert said["error"]
            assert said["hint"]
        else:
            assert "Error: " in err


def test_what_stands_nearer_to_the_command_counts() -> None:
    target = Target().given("http://a", Form.CSV, as_json=False)
    assert target.given(None, None, as_json=False) == target
    assert target.given("http://b", Form.IDS, as_json=False) == Target("http://b", Form.IDS)
    assert target.given(None, None, as_json=True).as_json
    assert not wants_json(["docs", "list", "-o", "csv"])
