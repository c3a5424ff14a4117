"""Signing in with a password, staying signed in, signing out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

from citewell.accounts import credentials, tokens
from citewell.accounts.service import Accounts
from citewell.domain.accounts import fold_email
from citewell.domain.errors import ConflictError, DeniedError, LimitedError, UnauthenticatedError
from citewell.domain.ids import SessionId, TenantId
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database
from citewell.storage.repositories.accounts.credentials import Account, Membership
from citewell.storage.repositories.accounts.sessions import NewRefreshToken, RefreshToken
from citewell.storage.transaction import Transaction

REFRESH_LIFETIME = timedelta(days=14)
# Two tabs that refresh at the same moment are no thief; the second one simply gets nothing.
REUSE_GRACE = timedelta(seconds=10)
TICKET_LIFETIME = timedelta(seconds=30)
WINDOW = timedelta(minutes=1)
PER_ACCOUNT = 10
PER_ADDRESS = 60


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who somebody says they are; `address` is where the request came from."""

    email: str
    password: str
    address: str
    tenant: str = ""
    scopes: frozenset[Scope] = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a signed-in client keeps: the access token is short-lived, the other gets the next."""

    access: str
    refresh: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sessions of people."""

    accounts: Accounts

    async def with_password(self, attempt: Attempt) -> TokenPair:
        """A new session, of the tenant that is named or else of the first that one may enter.

        Raises `UnauthenticatedError` in the same words and time whatever was wrong, and
        `LimitedError` after `PER_ACCOUNT` attempts a minute at an account, whether there is one or
        not, or `PER_ADDRESS` from an address.
        """
        account, entered = await self.verify(attempt)
        holder = Principal(entered.tenant_id, account.user_id, entered.role, attempt.scopes)
        async with self.accounts.database.transaction(holder.tenant_id) as tx:
            session = SessionId(uuid4())
            refresh = await self._add(tx, holder, session, account.generation)
            await tx.audit.record(holder.user_id, "session.open", str(session))
        return await self._pair(replace(holder, session_id=session), refresh)

    async def verify(self, attempt: Attempt) -> tuple[Account, Membership]:
        """Whose password it is, and the tenant to enter; raises as `with_password`."""
        email = fold_email(attempt.email)
        await self._count(email, attempt.address)
        async with self.accounts.database.installation() as whole:
            account = await whole.credentials.account(email)
        stored = account.password_hash if account else None
        right = await self.accounts.passwords.verify(attempt.password, stored)
        if account is None or stored is None or not right:
            raise _refused()
        newer = await self.accounts.passwords.renewed(attempt.password, stored)
        async with self.accounts.database.installation() as whole:
            if newer is not None:
                await whole.credentials.rehash(account, newer)
            memberships = await whole.credentials.memberships(account.user_id)
        return account, _chosen(memberships, attempt.tenant)

    async def refresh(self, token: str) -> TokenPair:
        """The next pair of a session. Raises `UnauthenticatedError` when there is none.

        A token that was exchanged already ends its session: one of two has it that should not.
        Within `REUSE_GRACE` it is only refused, with `ConflictError`.
        """
        digest = credentials.digest(token)
        async with self.accounts.database.installation() as whole:
            owner = await whole.credentials.refresh_token(digest)
        if owner is None:
            raise _ended()
        async with self.accounts.database.transaction(owner[0]) as tx:
            held = await tx.sessions.hold(digest)
            if held is None or not held.is_live:
                raise _ended()
            next_token = await self._exchange(tx, held, owner[0])
        if next_token is None:
            self.accounts.recognition.forget()
            raise _ended()
        named = Principal(owner[0], held.user_id, Role.VIEWER, held.scopes)
        async with self.accounts.database.installation() as whole:
            holder = await whole.credentials.session(held.session_id)
        if holder is None:
            raise _ended()
        return await self._pair(replace(named, session_id=held.session_id), next_token)

    async def end(self, principal: Principal) -> None:
        """Sign out of the session that the caller came with."""
        if principal.session_id is None:
            raise DeniedError(
                "This credential is no session.", hint="Revoke a key, or close the browser's page."
            )
        async with self.accounts.database.transaction(principal) as tx:
            if await tx.sessions.end(principal.session_id):
                await tx.audit.record(principal.user_id, "session.close", str(principal.session_id))
        self.accounts.recognition.forget()

    async def end_all(self, principal: Principal) -> None:
        """Sign out of every session, in every tenant and browser; API keys go on."""
        principal.require(Scope.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            home = (await tx.users.get(principal.user_id)).home
            async with tx.inside(home) as at_home:
                await at_home.users.end_sessions(principal.user_id)
                await at_home.audit.record(
                    principal.user_id, "session.close_all", str(principal.user_id)
                )
        self.accounts.recognition.forget()

    async def ticket(self, principal: Principal) -> str:
        """A ticket that opens one WebSocket within `TICKET_LIFETIME`."""
        ticket = credentials.new_secret()
        async with self.accounts.database.transaction(principal) as tx:
            await tx.sessions.add_ticket(principal, credentials.digest(ticket), TICKET_LIFETIME)
        return ticket

    async def _count(self, email: str, address: str) -> None:
        attempts = ((f"account {email}", PER_ACCOUNT), (f"address {address}", PER_ADDRESS))
        await count_attempts(self.accounts.database, attempts)

    async def _exchange(
        self, tx: Transaction, held: RefreshToken, tenant_id: TenantId
    ) -> str | None:
        if held.used_for is None:
            await tx.sessions.use(held)
            holder = Principal(tenant_id, held.user_id, Role.VIEWER, held.scopes)
            return await self._add(tx, holder, held.session_id, held.generation)
        if held.used_for < REUSE_GRACE:
            raise ConflictError(
                "This refresh token was exchanged a moment ago.",
                hint="Use the pair that the other request got.",
            )
        await tx.sessions.end(held.session_id)
        await tx.audit.record(held.user_id, "session.reuse", str(held.session_id))
        return None

    async def _add(
        self, tx: Transaction, holder: Principal, session: SessionId, generation: int
    ) -> str:
        token = credentials.new_secret()
        digest = credentials.digest(token)
        user, scopes = holder.user_id, holder.scopes
        await tx.sessions.add(
            NewRefreshToken(user, session, digest, generation, scopes, REFRESH_LIFETIME)
        )
        return token

    async def _pair(self, holder: Principal, refresh: str) -> TokenPair:
        assert holder.session_id is not None
        access = await tokens.issue(self.accounts.ring, holder, holder.session_id)
        return TokenPair(access, refresh, holder.scopes)


async def count_attempts(database: Database, attempts: Iterable[tuple[str, int]]) -> None:
    """Count an attempt of each name, at most so many in `WINDOW`; raises `LimitedError`."""
    async with database.installation() as whole:
        for name, most in attempts:
            left = await whole.guess(credentials.digest(name), most=most, window=WINDOW)
            if left is not None:
                break
        else:
            return
    raise LimitedError(
        "Too many attempts to sign in.", hint="Wait a minute.", retry_after=left.total_seconds()
    )


def scopes_in(text: str) -> frozenset[Scope]:
    """The scopes that a form names, all of them when it names none.

    Raises `ValueError` for an unknown one.
    """
    return frozenset(Scope(word) for word in text.split()) or frozenset(Scope)


def _chosen(memberships: Iterable[Membership], tenant: str) -> Membership:
    for one in memberships:
        if tenant in {"", one.tenant, str(one.tenant_id)}:
            return one
    raise _refused()


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The address, the password or the tenant is wrong.",
        hint="An administrator can set a new password with `citewell users password`.",
    )


def _ended() -> UnauthenticatedError:
    return UnauthenticatedError("This session has ended.", hint="Sign in again.")
