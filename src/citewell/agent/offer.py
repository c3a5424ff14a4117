"""Which tools a language model is offered beside those of the product."""

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, cast

from citewell.domain.errors import StartError
from citewell.inference.web_search import WebSearch

if TYPE_CHECKING:
    from citewell.agent.team.member import Member
    from citewell.agent.tools.contract import Maker
    from citewell.agent.tools.outside.servers import Allowed, ServerTools, SwitchOff
    from citewell.agent.tools.outside.web_fetch import ReadPage
    from citewell.agent.tools.outside.web_search import SearchWeb
    from citewell.inference.mcp.service import ToolServers

SETTING = "CITEWELL_TOOLS__ADDED"


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether a model may use tools at all, and those that the operator has added.

    `members` work in teams beside those that there are; `servers` have tools of which a tenant's
    administrators have approved, and `search` asks the web.
    """

    enabled: bool = False
    added: "tuple[Maker, ...]" = ()
    members: "tuple[Member, ...]" = ()
    servers: "ServerTools | None" = None
    search: "SearchWeb | None" = None

    @classmethod
    def of(
        cls,
        *,
        enabled: bool,
        added: str,
        web_fetch: bool = False,
        web_search: str = "",
        read: "ReadPage | None" = None,
    ) -> "Offer":
        """As it is set; `read` reads pages where `web_fetch` asks for it.

        Raises `StartError` naming what of `added` cannot be loaded.
        """
        names = [one for one in map(str.strip, added.split(",")) if one]
        offer = cls(enabled, tuple(map(_loaded, names)))
        return offer.with_web(read if web_fetch else None, WebSearch.of(web_search))

    def with_web(self, read: "ReadPage | None", engine: WebSearch | None) -> "Offer":
        """The same, and the web, as far as it is offered."""
        makers = []
        # Half a second of LangChain to import, for those who use it.
        if read is not None:
            from citewell.agent.tools.outside import web_fetch

            makers.append(web_fetch.maker(read))
        if engine is not None:
            from citewell.agent.tools.outside import web_search

            makers.append(web_search.maker(engine.search))
        search = None if engine is None else engine.search
        return replace(self, added=(*self.added, *makers), search=search)

    def with_servers(
        self, servers: "ToolServers | None", allowed: "Allowed", switch_off: "SwitchOff"
    ) -> "Offer":
        """The same, and the approved tools of the tenants' servers, if those are used."""
        if servers is None:
            return self
        from citewell.agent.tools.outside.servers import ServerTools

        return replace(self, servers=ServerTools(servers, allowed, switch_off))


def _loaded(name: str) -> "Maker":
    module, _, function = name.partition(":")
    try:
        found: object = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise StartError(
            f"{SETTING} names {name!r}, which cannot be loaded: {error}.",
            hint="Write module:function, of a module that Python finds (PYTHONPATH).",
        ) from error
    if not callable(found):
        raise StartError(
            f"{SETTING} names {name!r}, which is no function.",
            hint="Name the function that makes the tool.",
        )
    return cast("Maker", found)
