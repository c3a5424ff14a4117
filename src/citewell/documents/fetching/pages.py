"""Pages of the web as text, read in the process that reads files and kept nowhere."""

import asyncio
from dataclasses import dataclass

from citewell.documents.fetching.naming import name_of
from citewell.documents.parsers.host import ParserHost
from citewell.domain.errors import DocumentError, UpstreamError
from citewell.domain.tools.web import WebPage
from citewell.inference.egress.web import Web
from citewell.telemetry.tasks import Tasks

PARSE_SECONDS = 20.0
PARSE_MEMORY = 1 << 29
MOST_CHARACTERS = 400_000


@dataclass(frozen=True, slots=True)
class Pages:
    """Reads what anybody could read; the process starts with the first page."""

    web: Web
    parser: ParserHost

    @classmethod
    def of(cls, tasks: Tasks, *, enabled: bool, web: Web | None = None) -> "Pages | None":
        """As it is set, None where pages are not read; the process ends with the `tasks`."""
        if not enabled:
            return None
        pages = cls(web or Web(), ParserHost(PARSE_SECONDS, PARSE_MEMORY, MOST_CHARACTERS))
        tasks.start("pages", pages.kept())
        return pages

    async def read(self, url: str) -> WebPage:
        """The text of a page.

        Raises as `Web.get`, and `UpstreamError` for one that cannot be read as text.
        """
        page = await self.web.get(url)
        try:
            parsed = await self.parser.parse([page.content], name_of(page))
        except DocumentError as error:
            raise UpstreamError(f"The page cannot be read: {error.message}") from error
        return WebPage(str(page.address), parsed.title or "", parsed.text)

    async def kept(self) -> None:
        """Lasts until it is cancelled; then the process is ended."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.parser.close()
