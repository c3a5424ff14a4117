"""What is found on the web: texts of others, which nobody here has stored."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page as text; `url` is where it was found in the end."""

    url: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class WebHit:
    """One result of a search: an address, what it is called, and a few words of it."""

    url: str
    title: str
    words: str
