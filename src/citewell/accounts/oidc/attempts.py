"""A sign-in on its way through the provider: sealed in the browser that began it."""

import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from citewell.accounts import credentials
from citewell.accounts.boxes import Box

LIFETIME_SECONDS = 600
MAX_SEALED = 2000


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the provider's answer is held against; nobody but this server can read it."""

    issuer: str
    until: float
    state: str = field(default_factory=credentials.new_secret, repr=False)
    nonce: str = field(default_factory=credentials.new_secret, repr=False)
    # Of PKCE (RFC 7636): the code is worth nothing without it.
    verifier: str = field(default_factory=credentials.new_secret, repr=False)

    def is_answered_by(self, state: str) -> bool:
        """Whether this is the state that was sent with it."""
        return secrets.compare_digest(self.state.encode(), state.encode())


@dataclass(frozen=True, slots=True)
class Attempts:
    """Begun and carried by the browser, so that whoever only begins costs us nothing."""

    box: Box
    clock: Callable[[], float] = time.time

    def begin(self, issuer: str) -> Attempt:
        """One that lasts for `LIFETIME_SECONDS`."""
        return Attempt(issuer, self.clock() + LIFETIME_SECONDS)

    def seal(self, attempt: Attempt) -> str:
        """What the browser keeps."""
        return urlsafe_b64encode(self.box.close(json.dumps(asdict(attempt)).encode())).decode()

    def open(self, sealed: str) -> Attempt | None:
        """What was sealed, None when it was not here or is over."""
        if len(sealed) > MAX_SEALED:
            return None
        try:
            attempt = Attempt(**json.loads(self.box.open(urlsafe_b64decode(sealed.encode()))))
        except ValueError:
            return None
        return attempt if self.clock() < attempt.until else None
