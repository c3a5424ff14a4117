"""Prompts are the Markdown files of this folder, filled in by plain replacement."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from citewell.domain.errors import NotFoundError

_SLOT = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A prompt as it was written; `sha256` is of its text and names this version of it."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Hexadecimal."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def slots(self) -> tuple[str, ...]:
        """What is filled in, in order."""
        return tuple(_SLOT.findall(self.text))

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with each `{{slot}}` replaced, once: nothing in a value is looked at.

        Raises `KeyError` for a slot without a value.
        """
        return _SLOT.sub(lambda found: values[found[1]], self.text)


def names() -> list[str]:
    """Of every prompt, sorted."""
    folder = files(__package__)
    return sorted(one.name.removesuffix(".md") for one in folder.iterdir() if _is_prompt(one.name))


@cache
def prompt(name: str) -> PromptFile:
    """The prompt of this name. Raises `NotFoundError`; a name is never a path."""
    if name not in names():
        raise NotFoundError(
            f"There is no prompt {name!r}.", hint=f"There are: {', '.join(names())}."
        )
    text = files(__package__).joinpath(f"{name}.md").read_text("utf-8")
    return PromptFile(name, text)


def _is_prompt(name: str) -> bool:
    return name.endswith(".md")
