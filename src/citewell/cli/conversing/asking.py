"""`citewell ask` and `citewell chat`."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from citewell.cli.client import Client, connect, sendable
from citewell.cli.conversing.footnotes import print_footnotes
from citewell.cli.options import Collections, with_options
from citewell.cli.output import (
    Exit,
    Form,
    exit_for_code,
    fail,
    plain,
    say,
    say_error,
    show,
    show_one,
)

# A longer question does not fit into a frame of the socket; over HTTP it is refused in words.
MOST_STREAMED = 15_000
PROMPT = "> "
LEAVING = frozenset({"/exit", "/quit"})
# What the next question would meet again.
_HOPELESS = frozenset({Exit.FORBIDDEN, Exit.UNREACHABLE})

Conversation = Annotated[
    str | None, typer.Option("--conversation", help="Go on with the conversation of this id.")
]
Continue = Annotated[bool, typer.Option("--continue", help="Go on with your last conversation.")]
Steps = Annotated[bool, typer.Option("--steps", help="Show what is being done.")]
Stream = Annotated[bool, typer.Option(help="Write the answer as it comes.")]


@dataclass(slots=True)
class Asking:
    """Asks one question after the other, in one conversation once it has begun."""

    client: Client
    collections: list[str]
    form: Form
    conversation: str | None
    steps: bool
    streams: bool

    def ask(self, question: str) -> dict[str, Any]:
        """The answer, which is printed unless JSON is; ends the command when it is refused."""
        body = {"input": question, "collections": self.collections}
        if self.conversation:
            body["conversation"] = self.conversation
        streams = self.streams and self.form is Form.TABLE and len(question) < MOST_STREAMED
        answer = {} if streams else self.client.post("/query", body)
        if streams or answer["interrupts"]:
            from citewell.cli.conversing.following import followed, gone_on

            steps = self.steps
            answer = (
                followed(self.client, body, steps=steps)
                if streams
                else gone_on(self.client, answer, steps=steps)
            )
        self.conversation = answer["conversation_id"] or self.conversation
        if self.form is Form.TABLE:
            if not streams:
                print(plain(answer["response"]))
            print_footnotes(answer)
        return answer


@with_options("server")
def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="A question to your documents.")],
    collections: Collections = None,
    steps: Steps = False,
    stream: Stream = True,
    conversation: Conversation = None,
    continued: Continue = False,
) -> None:
    """Ask a question; every sentence of the answer is footnoted."""
    form = context.obj.form
    with connect(context.obj) as client:
        within = _conversation(client, conversation, continued=continued)
        asking = Asking(client, collections or [], form, within, steps, stream)
        answer = asking.ask(question)
    if form is not Form.TABLE:
        show_one(answer, form)
    if answer.get("error"):
        fail(answer["error"], answer["hint"], code=exit_for_code(answer["code"]))


@with_options("server")
def chat(
    context: typer.Context,
    collections: Collections = None,
    steps: Steps = False,
    stream: Stream = True,
    conversation: Conversation = None,
    continued: Continue = False,
) -> None:
    """Ask one question after the other; without a terminal, every line of the input is one.

    Each may lean on those before. `/exit` or the end of the input ends it. With `--json` every
    answer is one line.
    """
    form = context.obj.form
    with connect(context.obj) as client:
        within = _conversation(client, conversation, continued=continued)
        asking = Asking(client, collections or [], form, within, steps, stream)
        asked, failures = 0, list[int]()
        for question in _questions():
            asked += 1
            if failure := _one(asking, question):
                failures.append(failure)
    if asking.conversation:
        say(f"Go on with `citewell chat --conversation {asking.conversation}`.")
    if failures:
        raise typer.Exit(int(Exit.PARTLY) if len(failures) < asked else failures[-1])


def _one(asking: Asking, question: str) -> int:
    """Ask and print; the exit code of a failure, after which the next question may be asked."""
    try:
        answer = asking.ask(question)
    except typer.Exit as refused:
        if refused.exit_code in _HOPELESS:
            raise
        return refused.exit_code
    except KeyboardInterrupt:
        if not sys.stdin.isatty():
            raise
        say("\nStopped.")
        return 0
    if asking.form is not Form.TABLE:
        show([answer], tuple(answer), Form.JSONL)
    if not answer.get("error"):
        return 0
    code = exit_for_code(answer["code"])
    say_error(answer["error"], answer["hint"], code=code, as_json=asking.form is not Form.TABLE)
    return int(code)


def _questions() -> Iterator[str]:
    """What somebody types, or the lines of the input; empty ones are no questions."""
    while True:
        try:
            line = _typed() if sys.stdin.isatty() else _line()
        except EOFError:
            return
        question = sendable(line).strip()
        if question in LEAVING:
            return
        if question:
            yield question


def _typed() -> str:
    if sys.stdout.isatty():
        return input(PROMPT)
    # The answers go somewhere else, and only they.
    print(PROMPT, end="", file=sys.stderr, flush=True)
    return input()


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _conversation(client: Client, named: str | None, *, continued: bool) -> str | None:
    """The conversation to go on with, None for a new one."""
    if not continued:
        return named
    if named:
        fail("One conversation.", "Give --conversation or --continue.", code=Exit.USAGE)
    listed = list(client.pages("/api/v1/conversations"))
    if not listed:
        fail(
            "There is no conversation to go on with.",
            "Leave --continue away.",
            code=Exit.NOT_FOUND,
            as_json=client.as_json,
        )
    return str(max(listed, key=lambda one: str(one["last_at"]))["id"])
