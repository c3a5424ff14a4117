"""Which tools a language model is offered beside those of the product."""

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, cast

from citewell.domain.errors import StartError

if TYPE_CHECKING:
    from citewell.agent.team.member import Member
    from citewell.agent.tools.contract import Maker
    from citewell.agent.tools.outside.servers import Allowed, ServerTools, SwitchOff
    from citewell.inference.mcp.service import ToolServers

SETTING = "CITEWELL_TOOLS__ADDED"


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether a model may use tools at all, and those that the operator has added.

    `members` work in teams beside those that there are; `servers` have tools of which a tenant's
    administrators have approved.
    """

    enabled: bool = False
    added: "tuple[Maker, ...]" = ()
    members: "tuple[Member, ...]" = ()
    servers: "ServerTools | None" = None

    @classmethod
    def of(cls, *, enabled: bool, added: str) -> "Offer":
        """As it is set; raises `StartError` naming what of `added` cannot be loaded."""
        names = [one for one in map(str.strip, added.split(",")) if one]
        return cls(enabled, tuple(map(_loaded, names)))

    def with_servers(
        self, servers: "ToolServers | None", allowed: "Allowed", switch_off: "SwitchOff"
    ) -> "Offer":
        """The same, and the approved tools of the tenants' servers, if those are used."""
        if servers is None:
            return self
        # Half a second of LangChain to import, for those who use servers.
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
