"""`citewell prompts`: what a language model is told, read from the files that this release has."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from citewell.cli.options import with_options
from citewell.cli.output import Form, plain, show, show_one

if TYPE_CHECKING:
    from citewell.domain.passages import Passage

app = typer.Typer(help="What a language model is told.", no_args_is_help=True)

COLUMNS = ("name", "made_of", "characters", "sha256")
NOBODY = UUID(int=0)

Variant = Annotated[
    str, typer.Option(help="instruction, few_shot or step_by_step: how the rules are put.")
]
Passages = Annotated[
    list[Path] | None,
    typer.Option("--passage", exists=True, dir_okay=False, help="A file as passage 1, 2, …"),
]


@app.command("list")
@with_options("output")
def list_(context: typer.Context) -> None:
    """List the prompts, then what is made of them, each with its digest.

    A run names the digest of the form that its model was given.
    """
    from citewell.agent.prompts.answering import FORMS, Variant, rules, version
    from citewell.agent.prompts.files import names, prompt

    files = [
        {"name": one.name, "made_of": "", "characters": len(one.text), "sha256": one.sha256}
        for one in map(prompt, names())
    ]
    forms = [
        {
            "name": one.value,
            "made_of": " ".join(FORMS[one]),
            "characters": len(rules(one)),
            "sha256": version(one),
        }
        for one in Variant
    ]
    show([*files, *forms], COLUMNS, context.obj.form)


@app.command("show")
@with_options("output")
def show_(
    context: typer.Context, name: Annotated[str, typer.Argument(help="As `list` names it.")]
) -> None:
    """Show a prompt as it was written, with its slots."""
    from citewell.agent.prompts.files import prompt

    found = prompt(name)
    if context.obj.form is Form.TABLE:
        print(found.text, end="")
        return
    row = {"name": name, "sha256": found.sha256, "slots": list(found.slots), "text": found.text}
    show_one(row, context.obj.form)


@app.command()
@with_options("output")
def render(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="What is asked.")],
    passages: Passages = None,
    variant: Variant = "instruction",
) -> None:
    """Show all that a model would be sent for a question; nothing is sent."""
    from citewell.agent.prompts.answering import Variant as Form_
    from citewell.agent.prompts.answering import answering
    from citewell.agent.wording import language_name
    from citewell.retrieval.question import language_of

    if variant not in set(Form_):
        raise typer.BadParameter(f"{variant!r} is none of {', '.join(Form_)}.")
    language = language_name(language_of(question))
    shown = [_passage(path) for path in passages or []]
    made = answering(question, shown, language=language, variant=Form_(variant))
    if context.obj.form is Form.TABLE:
        print(plain(f"{made.system}\n\n---\n\n{made.request}"))
        return
    row = {"system": made.system, "request": made.request, "sha256": made.sha256}
    show_one(row, context.obj.form)


def _passage(path: Path) -> "Passage":
    """The file's text as a search would have found it; it is of no document."""
    from citewell.domain.documents import TextKind
    from citewell.domain.ids import ChunkId, CollectionId, DocumentId, VersionId
    from citewell.domain.passages import Passage, Scores

    text = path.read_text("utf-8", "replace")
    return Passage(
        chunk_id=ChunkId(NOBODY),
        document_id=DocumentId(NOBODY),
        version_id=VersionId(NOBODY),
        collection_id=CollectionId(NOBODY),
        title=path.name,
        filename=path.name,
        text=text,
        start=0,
        end=len(text),
        page=None,
        page_label="",
        headings=(),
        kind=TextKind.PROSE,
        language="",
        ordinal=0,
        context="",
        scores=Scores(0.0),
    )
