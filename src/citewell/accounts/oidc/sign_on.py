"""Signing in through a provider: who comes back from it, and whether they are let in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from citewell.accounts import credentials
from citewell.accounts.boxes import Box
from citewell.accounts.jws import RefusedTokenError
from citewell.accounts.oidc import id_tokens
from citewell.accounts.oidc.attempts import LIFETIME_SECONDS, Attempt, Attempts
from citewell.accounts.oidc.id_tokens import Identified
from citewell.accounts.oidc.provider import Provider
from citewell.accounts.service import Accounts, add_session
from citewell.accounts.sign_in import PER_ADDRESS, count_attempts
from citewell.domain.errors import DeniedError, UnauthenticatedError
from citewell.domain.ids import DEFAULT_TENANT, TenantId, UserId
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.repositories.accounts.credentials import Membership
from citewell.storage.repositories.accounts.identities import Vouched
from citewell.storage.repositories.accounts.installation import Installation
from citewell.storage.transaction import Transaction
from citewell.telemetry.logs import logger

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Newcomers:
    """What somebody gets who comes without having been added: without a `role`, nothing.

    Their address is of one of the `domains`, or of any when there is a `*` among them. They are at
    home in the `tenant` of this name, else in the first one.
    """

    role: Role | None = None
    domains: frozenset[str] = frozenset()
    tenant: str = ""

    def admit(self, email: str) -> bool:
        """Whether the holder of this address may come."""
        _, at, domain = email.rpartition("@")
        return self.role is not None and bool(at) and not self.domains.isdisjoint({domain, "*"})


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and what it keeps until it is back."""

    address: str
    sealed: str


@dataclass(frozen=True, slots=True)
class Return:
    """What the browser brings back: of the provider, and what it has kept."""

    sender: str
    sealed: str
    state: str
    code: str = ""
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Somebody who is let in: the account that was found, None for one to make, and where to."""

    identified: Identified
    account: Vouched | None
    is_first: bool
    entered: TenantId
    role: Role


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """The provider's people, for a browser.

    Raises as `Provider` does, and `LimitedError` after as many attempts a minute from one address
    as at the door for passwords.
    """

    accounts: Accounts
    provider: Provider
    newcomers: Newcomers

    async def begin(self, sender: str) -> Departure:
        """Send a browser to the provider; nothing is stored about it here."""
        database = self.accounts.database
        await count_attempts(database, [(f"departures of {sender}", PER_ADDRESS)])
        attempt = self._attempts.begin(self.provider.registration.issuer)
        return Departure(await self.provider.address(attempt), self._attempts.seal(attempt))

    async def finish(self, back: Return) -> str:
        """The key of a new session, for whoever the provider says has come back.

        Raises `UnauthenticatedError` for an answer that is not one to this browser, not now, not
        for the first time or not the provider's, and `DeniedError` for somebody who is known there
        and not let in here.
        """
        await count_attempts(self.accounts.database, [(f"address {back.sender}", PER_ADDRESS)])
        attempt = await self._answered(back)
        given = await self.provider.exchange(back.code, attempt)
        try:
            identified = await id_tokens.read(self.provider, given, attempt.nonce)
        except RefusedTokenError as error:
            log.warning("sign_on.token_refused", why=str(error))
            raise UnauthenticatedError(
                "The sign-in provider's answer cannot be believed.",
                hint="The server's log says what is wrong with it.",
            ) from error
        return await self._open(await self._visitor(identified))

    @property
    def _attempts(self) -> Attempts:
        return Attempts(Box(self.accounts.repeating.secret, "single sign-on"))

    async def _answered(self, back: Return) -> Attempt:
        attempt = self._attempts.open(back.sealed)
        issuer = self.provider.registration.issuer
        expected = attempt is not None and attempt.issuer == issuer
        if attempt is None or not expected or not attempt.is_answered_by(back.state):
            raise UnauthenticatedError(
                "This sign-in was not begun in this browser, or more than ten minutes ago.",
                hint="Begin once more, in one tab.",
            )
        async with self.accounts.database.installation() as whole:
            # The first one to come with it takes it, whichever server they come to.
            subject = credentials.digest(f"state {attempt.state}")
            window = timedelta(seconds=LIFETIME_SECONDS)
            used = await whole.guess(subject, most=1, window=window) is not None
        if used:
            raise UnauthenticatedError(
                "This sign-in has been used already.", hint="Begin once more."
            )
        if back.error or not back.code or back.issuer not in {"", issuer}:
            # Its names for errors are shown, whatever else somebody may have put there is not.
            is_name = back.error.isascii() and back.error.isidentifier()
            raise UnauthenticatedError(
                f"The sign-in provider has let nobody in{f': {back.error}' if is_name else ''}.",
                hint="Begin once more, or sign in in another way.",
            )
        return attempt

    async def _visitor(self, identified: Identified) -> _Visitor:
        issuer = self.provider.registration.issuer
        async with self.accounts.database.installation() as whole:
            known = await whole.identities.find(issuer, identified.subject)
            is_first = known is None
            if known is None and identified.email:
                known = await whole.identities.invited(issuer, identified.email)
            if known is None:
                return await self._newcomer(whole, identified)
            if known.is_suspended:
                raise _refusal("suspended")
            entered = _first(await whole.credentials.memberships(known.user_id))
        return _Visitor(identified, known, is_first, entered.tenant_id, entered.role)

    async def _newcomer(self, whole: Installation, identified: Identified) -> _Visitor:
        role = self.newcomers.role
        if not identified.email:
            raise _refusal("unverified")
        if await whole.credentials.user(identified.email) is not None:
            # An account of this address is its holder's, not whoever's the provider says it is.
            raise _refusal("not_invited")
        if role is None or not self.newcomers.admit(identified.email):
            raise _refusal("unknown")
        tenant = await self._their_tenant(whole)
        return _Visitor(identified, None, is_first=True, entered=tenant, role=role)

    async def _their_tenant(self, whole: Installation) -> TenantId:
        name = self.newcomers.tenant
        found = await whole.tenants.find(name) if name else await whole.tenants.get(DEFAULT_TENANT)
        if found is None or found.suspended_at is not None:
            raise _refusal("no_tenant")
        return found.id

    async def _open(self, visitor: _Visitor) -> str:
        database, account = self.accounts.database, visitor.account
        # Before a connection is held: whoever holds one must not wait for another.
        await database.seal(visitor.entered)
        async with database.transaction(account.home if account else visitor.entered) as tx:
            person = await self._linked(tx, visitor)
            holder = Principal(visitor.entered, person, visitor.role, frozenset(Scope))
            async with tx.inside(visitor.entered) as there:
                # As it was when the account was found: what has ended it since ends this too.
                return await add_session(there, holder, account.generation if account else 0)

    async def _linked(self, tx: Transaction, visitor: _Visitor) -> UserId:
        """The account, made or linked when it is the first time; all of it is written down."""
        issuer, subject = self.provider.registration.issuer, visitor.identified.subject
        if visitor.account is not None and not visitor.is_first:
            return visitor.account.user_id
        if visitor.account is not None:
            person = visitor.account.user_id
            await tx.identities.accept(person, issuer, subject)
        else:
            person = await tx.users.add(visitor.identified.email, visitor.identified.email, None)
            await tx.users.join(person, visitor.role)
            role = {"role": visitor.role.name.lower()}
            await tx.audit.record(person, "user.create", str(person), details=role)
            await tx.identities.add(person, issuer, subject)
        await tx.audit.record(person, "identity.link", str(person), details={"issuer": issuer})
        return person


def _first(memberships: Iterable[Membership]) -> Membership:
    for one in memberships:
        return one
    raise _refusal("no_membership")


def _refusal(why: str) -> DeniedError:
    # Told to who runs the server; the visitor learns nothing about accounts.
    log.warning("sign_on.refused", why=why)
    return DeniedError(
        "The sign-in provider knows you, but you are not let in here.",
        hint="Ask an administrator to add you, and to open your account for single sign-on.",
    )
