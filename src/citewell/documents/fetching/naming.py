"""What a page's file is called."""

from urllib.parse import unquote

from citewell.documents.parsers.media import ending_of
from citewell.inference.egress.web import Page


def name_of(page: Page) -> str:
    """The name of a page's file: host and path, with the ending that its media type asks for."""
    path, _, query = page.address.target.partition("?")
    name = page.address.origin.host + unquote(path).rstrip("/")
    name += f"?{unquote(query)}" if query else ""
    return name + ending_of(page.headers.get("content-type", ""), name)
