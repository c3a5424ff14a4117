"""Markup that a page would load by itself, written so that it loads nothing.

A picture's address is sent to whoever it names, with all that a model was led to write into it. One
space takes its meaning from it, and none from code: `! [` begins no picture, `< img` no element.
"""

import re

# Elements whose address is fetched without a click.
_ELEMENTS = (
    "img|image|picture|video|audio|source|track|iframe|frame|embed|object|applet|link|script|style"
    "|svg|input|base|meta|body"
)
LOADS = re.compile(rf"!(?=\[)|<(?=/?(?:{_ELEMENTS})(?![a-z0-9-]))", re.IGNORECASE)
# What may still become one: an exclamation mark, or the beginning of a name.
MAY_LOAD = re.compile(r"!$|</?[a-z]{0,7}$", re.IGNORECASE)


def unloaded(text: str) -> str:
    """The text with such markup taken apart."""
    return LOADS.sub(lambda found: f"{found[0]} ", text)
