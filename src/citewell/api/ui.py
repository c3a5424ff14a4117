"""The page: files of the package, by names that are known before anybody asks."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.responses import Response

import citewell
from citewell.api.authentication import SESSION_COOKIE
from citewell.domain.errors import NotFoundError

FOLDER = Path(citewell.__file__).parent / "ui"
SUFFIXES = frozenset({".html", ".css", ".js", ".svg", ".png", ".ico", ".woff2", ".webmanifest"})
SESSION_SECONDS = 30 * 24 * 3600
PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page, read once."""

    content: bytes
    media_type: str


@cache
def page_files(folder: Path = FOLDER) -> Mapping[str, PageFile]:
    """Every file that may be served, by its name relative to the folder."""
    return {
        path.relative_to(folder).as_posix(): PageFile(path.read_bytes(), _media_type(path))
        for path in sorted(folder.rglob("*"))
        if path.suffix in SUFFIXES and path.is_file()
    }


def page_response(name: str) -> Response:
    """The file of this name; raises `NotFoundError`."""
    found = page_files().get(name)
    if found is None:
        raise NotFoundError("The page has no such file.")
    headers = {"content-security-policy": PAGE_CSP, "cache-control": "no-cache"}
    return Response(found.content, headers=headers, media_type=found.media_type)


def keep_session(response: Response, key: str, *, secure: bool) -> Response:
    """Have the browser keep a session's key where no script can read it."""
    response.set_cookie(
        SESSION_COOKIE,
        key,
        max_age=SESSION_SECONDS,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return response


def _media_type(path: Path) -> str:
    known = {".js": "text/javascript", ".woff2": "font/woff2"}
    guessed = known.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return guessed or "application/octet-stream"
