"""A search engine that the operator has named: SearXNG, by its JSON interface."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, ValidationError

from citewell.domain.errors import InvalidError, StartError, UpstreamError
from citewell.domain.tools.web import WebHit
from citewell.inference.egress.addresses import Address
from citewell.inference.egress.clients import fetch
from citewell.inference.egress.exchange import Bounds, UnreachableError

SETTING = "CITEWELL_TOOLS__WEB_SEARCH"
BOUNDS = Bounds(seconds=10.0, size=2 * 1024 * 1024)
MOST_WORDS = 500


class _Result(BaseModel):
    model_config = ConfigDict(extra="ignore")

    url: str
    title: str = ""
    content: str | None = ""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    results: list[_Result]


@dataclass(frozen=True, slots=True)
class WebSearch:
    """Asks the engine at `address`, which may be anywhere; it gets the words and nothing else."""

    address: Address

    @classmethod
    def of(cls, address: str) -> "WebSearch | None":
        """As it is set; None for no engine. Raises `StartError` for what is no address."""
        if not address:
            return None
        try:
            return cls(Address.read(address))
        except InvalidError as error:
            raise StartError(f"{SETTING}: {error.message}", hint=error.hint) from error

    async def search(self, words: str, limit: int) -> Sequence[WebHit]:
        """What the engine finds, best first; addresses that are none are left out.

        Raises `UpstreamError` when it does not answer as it should.
        """
        target = self.address.target.partition("?")[0].rstrip("/")
        query = urlencode({"q": words, "format": "json"})
        url = f"{self.address.origin}{target}/search?{query}"
        try:
            reply = await fetch(str(self.address), url, BOUNDS)
        except UnreachableError as error:
            raise UpstreamError(f"The search engine did not answer: {error}.") from error
        if reply.status != 200:
            raise UpstreamError(
                f"The search engine answered with status {reply.status}.",
                hint="Its settings have to allow the format json (search.formats).",
            )
        return _hits(reply.content, limit)


def _hits(content: bytes, limit: int) -> list[WebHit]:
    try:
        results = _Answer.model_validate_json(content).results
    except ValidationError as error:
        raise UpstreamError("The search engine's answer is not that of SearXNG.") from error
    found = [
        WebHit(one.url, one.title[:MOST_WORDS], (one.content or "")[:MOST_WORDS])
        for one in results
        if _is_address(one.url)
    ]
    return found[:limit]


def _is_address(url: str) -> bool:
    try:
        Address.read(url)
    except InvalidError:
        return False
    return True
