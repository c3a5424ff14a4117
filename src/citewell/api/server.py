"""What one API process holds while it serves, from before its database is there."""

from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from citewell.accounts.oidc.provider import Provider
from citewell.api.limiting.addresses import Network, client_of
from citewell.api.limiting.rates import Rates
from citewell.api.limiting.slots import MAX_FETCHES, MAX_SOCKETS, MAX_UPLOADS, Slots
from citewell.api.single_sign_on import provider_of
from citewell.api.vigil import Vigil
from citewell.bootstrap import App
from citewell.config import Settings
from citewell.domain.errors import UnavailableError


@dataclass(slots=True)
class Server:
    """`app` is None until everything is open; `waiting_for` says why, for people."""

    settings: Settings
    app: App | None = None
    waiting_for: str = "The server is starting."
    rates: Rates = field(init=False)
    proxies: tuple[Network, ...] = field(init=False)
    provider: Provider | None = field(init=False)
    uploads: Slots = field(default_factory=lambda: Slots(MAX_UPLOADS, "uploads"))
    fetches: Slots = field(default_factory=lambda: Slots(MAX_FETCHES, "fetches"))
    vigil: Vigil = field(default_factory=Vigil)
    sockets: Slots = field(default_factory=lambda: Slots(MAX_SOCKETS, "WebSocket connections"))

    def __post_init__(self) -> None:
        """Everybody begins with nothing counted; raises `StartError`."""
        self.rates = Rates(self.settings.limits)
        self.proxies = self.settings.limits.proxies
        self.provider = provider_of(self.settings.oidc)

    def sender(self, connection: HTTPConnection) -> str:
        """What a connection's requests are counted against before anybody is known."""
        header = self.settings.limits.proxy_header
        return client_of(connection.scope, self.proxies, header)

    def opened(self) -> App:
        """The open application; raises `UnavailableError` while it is starting."""
        if self.app is None:
            raise UnavailableError(self.waiting_for, hint="Try again in a moment.")
        return self.app


def server_of(connection: HTTPConnection) -> Server:
    """The process that serves this connection."""
    server = connection.app.state.server
    assert isinstance(server, Server)
    return server
