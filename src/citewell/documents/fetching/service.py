"""Documents by their address: a page is fetched, then taken in like any other file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from citewell.documents.fetching.naming import name_of
from citewell.documents.service import Accepted, Documents, Upload
from citewell.domain.documents import OnDuplicate
from citewell.domain.errors import FieldProblem, InvalidError
from citewell.domain.ids import CollectionId
from citewell.domain.principal import Principal, Role, Scope
from citewell.inference.egress.origins import read_origins
from citewell.inference.egress.web import ORIGINS_SETTING, Page, Web
from citewell.storage.repetition import RequestKey

SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page that somebody has named."""

    url: str
    title: str = ""
    on_duplicate: OnDuplicate = OnDuplicate.SKIP


@dataclass(frozen=True, slots=True)
class Fetching:
    """The web as a door to `documents`; shut where there is no `web`."""

    documents: Documents
    web: Web | None

    @classmethod
    def of(cls, documents: Documents, *, enabled: bool, origins: str) -> "Fetching":
        """As it is set; raises `StartError` for an origin that is none."""
        named = read_origins(origins, ORIGINS_SETTING)
        return cls(documents, Web(named) if enabled else None)

    async def accept(
        self,
        principal: Principal,
        collection_id: CollectionId,
        wanted: Wanted,
        *,
        once: RequestKey | None = None,
    ) -> Accepted:
        """Fetch a page and keep it; durable on return. Its last address is kept as its `source`.

        Raises `InvalidError` for an address that is not fetched, `UpstreamError` and
        `TimedOutError` for a page that does not come, and as `Documents.accept`.
        """
        principal.require(Scope.DOCUMENTS_WRITE, Role.EDITOR)
        page = await self._page(wanted.url)
        upload = Upload(
            name_of(page),
            _one(page.content),
            wanted.title,
            metadata={SOURCE: str(page.address)},
            on_duplicate=wanted.on_duplicate,
            # A page may be another one when the request comes again.
            asked=(wanted.url,),
        )
        return await self.documents.accept(principal, collection_id, upload, once=once)

    async def _page(self, url: str) -> Page:
        if self.web is None:
            raise _refused(
                "Addresses are not fetched.",
                "Download the file, then upload it; the operator can set CITEWELL_FETCH__ENABLED.",
            )
        try:
            return await self.web.get(url)
        except InvalidError as error:
            raise _refused(error.message, error.hint) from error


def _refused(message: str, hint: str) -> InvalidError:
    return InvalidError(message, hint=hint, errors=(FieldProblem("url", message),))


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
