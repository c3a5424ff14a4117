"""Signing in through a provider: who gets in, who does not, and what a provider may do to us."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from structlog.testing import capture_logs
from typer.testing import CliRunner

from citewell.accounts.oidc import provider as oidc
from citewell.accounts.oidc import sign_on
from citewell.accounts.oidc.attempts import LIFETIME_SECONDS, Attempts
from citewell.accounts.oidc.provider import (
    AT_ONCE,
    DOCUMENT,
    EXCHANGE,
    UNKNOWN_SECONDS,
    Provider,
)
from citewell.accounts.sign_in import PER_ADDRESS
from citewell.api.single_sign_on import ATTEMPT_COOKIE
from citewell.bootstrap import App
from citewell.cli.main import app as command_line
from citewell.config import OidcSettings, Settings
from citewell.domain.ids import DEFAULT_TENANT, TenantId, UserId
from citewell.domain.principal import Role, Scope
from citewell.inference.egress.exchange import Bounds
from tests.api.conftest import Keys, listening
from tests.api.oidc_provider import (
    CLIENT,
    SECRET,
    ProviderAtTest,
    SigningKey,
    ada,
    ed25519,
    rsa,
    running,
    signed_with_public_key,
    unsigned,
)
from tests.unit.accounts.people import PASSWORD, add_person

START, BACK = "/auth/oidc/start", "/auth/oidc/callback"
ADA = "ada@example.org"
# What the server itself has done at its start has no actor.
BY_PEOPLE = "FROM audit_log WHERE actor IS NOT NULL ORDER BY number"
OWN_PAGE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
async def provider() -> AsyncIterator[ProviderAtTest]:
    async with running(ProviderAtTest()) as found:
        yield found


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine is no slow provider."""
    for name in ("DOCUMENT", "EXCHANGE"):
        monkeypatch.setattr(oidc, name, replace(getattr(oidc, name), seconds=60.0))


@pytest.fixture
def settings(settings: Settings, provider: ProviderAtTest) -> Settings:
    """With the provider, and nobody who is let in without having been added."""
    chosen = {
        "issuer": provider.issuer,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "public_url": "http://localhost",
        "name": "Example",
    }
    return settings.model_copy(update={"oidc": OidcSettings.model_validate(chosen)})


@pytest.fixture
def admits(api: FastAPI) -> Callable[..., None]:
    """Change whom the configuration lets in."""

    def change(domains: str = "example.org", role: str = "viewer", tenant: str = "") -> None:
        server = api.state.server
        more = {"newcomers": role, "newcomer_domains": domains, "newcomer_tenant": tenant}
        oidc_settings = server.settings.oidc.model_copy(update=more)
        server.settings = server.settings.model_copy(update={"oidc": oidc_settings})

    return change


@pytest.fixture
def forgetful(api: FastAPI) -> Callable[[], None]:
    """Make the server forget what it knows of the provider."""

    def forget() -> None:
        server = api.state.server
        assert server.provider is not None
        # Its clock stands: what a failure answers for a while, it answers here as long as it takes.
        server.provider = Provider(server.provider.registration, lambda: 1000.0)

    return forget


async def depart(client: httpx.AsyncClient) -> str:
    """Begin; returns where the browser is sent."""
    reply = await client.get(START)
    assert reply.status_code == 303, reply.text
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    return reply.headers["location"]


async def visit(address: str) -> str:
    """Be let in by the provider; returns path and query of the way back."""
    async with httpx.AsyncClient(verify=False) as browser:  # Nothing here has a certificate.
        reply = await browser.get(address)
    assert reply.status_code == 302, reply.text
    back = urlsplit(reply.headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"http://localhost{BACK}"
    return f"{back.path}?{back.query}"


async def sign_in(client: httpx.AsyncClient) -> httpx.Response:
    """All of the way, as a browser that nobody has signed in."""
    client.cookies.clear()
    return await client.get(await visit(await depart(client)))


async def me(client: httpx.AsyncClient) -> dict[str, Any]:
    reply = await client.get("/api/v1/me")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def is_signed_in(client: httpx.AsyncClient) -> bool:
    return (await client.get("/api/v1/info")).status_code == 200


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


async def invite(client: httpx.AsyncClient, app: App, person: UUID, method: str = "PUT") -> Any:
    headers = {"authorization": f"Bearer {app.admin_key}"}
    path = f"/api/v1/users/{person}/single-sign-on"
    reply = await client.request(method, path, headers=headers)
    assert reply.is_success, reply.text
    return reply.json() if reply.content else None


async def test_somebody_of_an_admitted_domain_gets_in_and_out_and_is_the_same_next_time(
    anonymous: httpx.AsyncClient,
    admits: Callable[..., None],
    provider: ProviderAtTest,
    postgres_url: str,
) -> None:
    admits()
    with capture_logs() as logged:
        reply = await sign_in(anonymous)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    cookies = "; ".join(reply.headers.get_list("set-cookie")).lower()
    assert "citewell_session=cw_" in cookies
    assert "samesite=strict" in cookies
    first = await me(anonymous)
    assert (first["email"], first["role"]) == (ADA, "viewer")
    said = rows(postgres_url, f"SELECT action, details::text {BY_PEOPLE}")
    assert [action for action, _ in said] == ["user.create", "identity.link", "session.open"]
    told = f"{logged} {said}"
    assert provider.given
    assert not [secret for secret in provider.given if secret in told]

    provider.person = ada(email="ada@elsewhere.example", email_verified=False)
    assert (await sign_in(anonymous)).status_code == 303
    assert (await me(anonymous))["id"] == first["id"], "the provider's subject counts, not a name"
    session = {"cookie": f"citewell_session={anonymous.cookies['citewell_session']}"}
    assert (await anonymous.post("/signout", headers=OWN_PAGE)).status_code == 204
    assert (await anonymous.get("/api/v1/info", headers=session)).status_code == 401


UNWANTED: list[tuple[str, dict[str, Any]]] = [
    ("", ada()),
    ("example.com, other.example", ada()),
    ("example.org", ada(email="ada@sub.example.org")),
    ("example.org", ada(email="ada@example.org.evil.example")),
    ("example.org", ada(email="ada@evil.example@example.org")),
    ("*", ada(email_verified=False)),
    ("*", ada(email_verified="true")),
    ("*", ada(email_verified=None)),
    ("*", ada(email=None)),
    ("*", ada(email=["ada@example.org"])),
    ("*", ada(email="")),
]


async def test_whom_nobody_has_added_or_admitted_is_refused_and_leaves_nothing(
    anonymous: httpx.AsyncClient,
    admits: Callable[..., None],
    provider: ProviderAtTest,
    postgres_url: str,
) -> None:
    before = rows(postgres_url, "SELECT id FROM users")
    for domains, person in UNWANTED:
        if domains:
            admits(domains)
        provider.person = person
        reply = await sign_in(anonymous)
        assert (reply.status_code, reply.json()["code"]) == (403, "forbidden"), (domains, person)
        assert "citewell_session" not in anonymous.cookies
    assert rows(postgres_url, "SELECT id FROM users") == before
    assert rows(postgres_url, "SELECT id FROM identities") == []


async def test_an_account_with_a_password_is_entered_only_while_it_is_open(
    anonymous: httpx.AsyncClient,
    app: App,
    admits: Callable[..., None],
    provider: ProviderAtTest,
    postgres_url: str,
) -> None:
    admits("*")
    await app.accounts.ring.ensure()
    person = (await add_person(app.accounts, DEFAULT_TENANT, ADA)).user_id
    assert (await sign_in(anonymous)).status_code == 403
    assert (await invite(anonymous, app, person, "GET"))["state"] == "shut"

    assert (await invite(anonymous, app, person))["state"] == "open"
    assert (await invite(anonymous, app, person))["state"] == "open", "twice is no mistake"
    provider.person = ada(email="Ada@Example.org", email_verified=False)
    assert (await sign_in(anonymous)).status_code == 403, "the address must be verified"
    provider.person = ada(email="Ada@Example.org")
    assert (await sign_in(anonymous)).status_code == 303
    assert (await me(anonymous))["id"] == str(person)
    linked = await invite(anonymous, app, person, "GET")
    assert (linked["state"], linked["subject"]) == ("linked", "ada-1")
    acted = [one for (one,) in rows(postgres_url, f"SELECT action {BY_PEOPLE}")]
    assert acted == ["identity.open", "identity.link", "session.open"]

    provider.person = ada(sub="eve-1")
    assert (await sign_in(anonymous)).status_code == 403, "an address opens it once"
    form = {"grant_type": "password", "username": ADA, "password": PASSWORD}
    assert (await anonymous.post("/api/v1/auth/token", data=form)).status_code == 200

    provider.person = ada()
    assert (await sign_in(anonymous)).status_code == 303
    for _ in range(2):
        await invite(anonymous, app, person, "DELETE")
        assert not await is_signed_in(anonymous)
    assert (await sign_in(anonymous)).status_code == 403
    shut = "SELECT count(*) FROM audit_log WHERE action = 'identity.shut'"
    assert rows(postgres_url, shut) == [(1,)]


async def test_who_is_shut_out_stays_out_at_whatever_moment_it_happens(
    anonymous: httpx.AsyncClient, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = (await add_person(app.accounts, DEFAULT_TENANT, ADA)).user_id
    await invite(anonymous, app, person)
    await suspend(app, person, suspended=True)
    assert (await sign_in(anonymous)).status_code == 403, "an invitation changes nothing"
    await suspend(app, person, suspended=False)
    assert (await sign_in(anonymous)).status_code == 303
    await suspend(app, person, suspended=True)
    app.accounts.recognition.forget()
    assert not await is_signed_in(anonymous)
    assert (await sign_in(anonymous)).status_code == 403
    await suspend(app, person, suspended=False)

    with monkeypatch.context() as meanwhile:
        found = sign_on.SingleSignOn._visitor

        async def find_and_shut(self: Any, identified: Any) -> Any:
            """The account is found, then shut, then the session is stored."""
            visitor = await found(self, identified)
            await invite(anonymous, app, person, "DELETE")
            return visitor

        meanwhile.setattr(sign_on.SingleSignOn, "_visitor", find_and_shut)
        assert (await sign_in(anonymous)).status_code == 303
        assert not await is_signed_in(anonymous)
    await invite(anonymous, app, person)
    async with app.database.transaction(DEFAULT_TENANT) as tx:
        await tx.users.leave(person)
    assert (await sign_in(anonymous)).status_code == 403, "a member of no tenant"


async def suspend(app: App, person: UserId, *, suspended: bool) -> None:
    async with app.database.transaction(DEFAULT_TENANT) as tx:
        await tx.users.suspend(person, suspended=suspended)


async def test_everybody_is_known_in_the_tenant_where_they_are_at_home_and_in_no_other(
    anonymous: httpx.AsyncClient,
    app: App,
    admits: Callable[..., None],
    keys: Keys,
    other_tenant: TenantId,
    postgres_url: str,
) -> None:
    admits(role="editor", tenant=f"other-{other_tenant}")
    assert (await sign_in(anonymous)).status_code == 303
    found = await me(anonymous)
    assert found["tenant_id"] == str(other_tenant)
    assert [one["id"] for one in found["tenants"]] == [str(other_tenant)]
    for role in (Role.OWNER, Role.ADMIN):
        stranger = {"authorization": f"Bearer {await keys.make(role)}"}
        for method in ("GET", "PUT", "DELETE"):
            path = f"/api/v1/users/{found['id']}/single-sign-on"
            reply = await anonymous.request(method, path, headers=stranger)
            assert reply.status_code == 404, reply.text
    assert await is_signed_in(anonymous)
    async with app.database.transaction(DEFAULT_TENANT) as tx:
        assert (
            await tx.identities.of(UserId(UUID(found["id"])), app.settings.oidc.issuer or "")
            is None
        )

    admits(tenant="there is none")
    anonymous.cookies.clear()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("UPDATE identities SET subject = 'somebody else'")
        connection.execute(
            "UPDATE users SET email = 'x@example.org', name = 'x' WHERE name = %s", [ADA]
        )
    assert (await sign_in(anonymous)).status_code == 403

    # A guest is opened where they are at home, and enters where they may.
    person = (await add_person(app.accounts, other_tenant, ADA)).user_id
    async with app.database.transaction(DEFAULT_TENANT) as tx:
        await tx.users.join(person, Role.VIEWER)
    admin = {"authorization": f"Bearer {app.admin_key}"}
    path = f"/api/v1/users/{person}/single-sign-on"
    assert (await anonymous.put(path, headers=admin)).status_code == 409
    async with app.database.transaction(other_tenant) as tx:
        await tx.identities.invite(person, app.settings.oidc.issuer or "")
    async with app.database.installation() as whole:
        await whole.tenants.change(other_tenant, suspended=True)
    assert (await sign_in(anonymous)).status_code == 303
    found = await me(anonymous)
    assert (found["tenant_id"], found["role"]) == (str(DEFAULT_TENANT), "viewer")


async def wrong_state(client: httpx.AsyncClient) -> httpx.Response:
    back = await visit(await depart(client))
    state = parse_qs(urlsplit(back).query)["state"][0]
    return await client.get(back.replace(state, "x" * 43))


async def no_state(client: httpx.AsyncClient) -> httpx.Response:
    back = await visit(await depart(client))
    code = parse_qs(urlsplit(back).query)["code"][0]
    return await client.get(BACK, params={"code": code})


async def other_browser(client: httpx.AsyncClient) -> httpx.Response:
    back = await visit(await depart(client))
    client.cookies.clear()
    return await client.get(back)


async def other_attempt(client: httpx.AsyncClient) -> httpx.Response:
    back = await visit(await depart(client))
    await depart(client)
    return await client.get(back)


async def forged_cookie(client: httpx.AsyncClient) -> httpx.Response:
    back = await visit(await depart(client))
    kept = client.cookies[ATTEMPT_COOKIE]
    client.cookies.clear()
    flipped = kept[:40] + ("A" if kept[40] != "A" else "B") + kept[41:]
    return await client.get(back, headers={"cookie": f"{ATTEMPT_COOKIE}={flipped}"})


async def endless_cookie(client: httpx.AsyncClient) -> httpx.Response:
    back = await visit(await depart(client))
    client.cookies.clear()
    return await client.get(back, headers={"cookie": f"{ATTEMPT_COOKIE}={'A' * 4000}"})


async def another_code(client: httpx.AsyncClient) -> httpx.Response:
    back = await visit(await depart(client))
    code = parse_qs(urlsplit(back).query)["code"][0]
    return await client.get(back.replace(code, "y" * 22))


async def another_issuer(client: httpx.AsyncClient) -> httpx.Response:
    back = await visit(await depart(client))
    return await client.get(back.replace("iss=http", "iss=https"))


async def anothers_code(client: httpx.AsyncClient) -> httpx.Response:
    """A code of somebody else's sign-in: its verifier is in another browser."""
    stolen = parse_qs(urlsplit(await visit(await depart(client))).query)["code"][0]
    back = await visit(await depart(client))
    code = parse_qs(urlsplit(back).query)["code"][0]
    return await client.get(back.replace(code, stolen))


ATTACKS = (
    wrong_state, no_state, other_browser, other_attempt, forged_cookie, endless_cookie,
    another_code, another_issuer, anothers_code,
)  # fmt: skip


async def test_an_answer_to_another_question_opens_nothing(
    anonymous: httpx.AsyncClient, admits: Callable[..., None]
) -> None:
    admits()
    for attack in ATTACKS:
        anonymous.cookies.clear()
        reply = await attack(anonymous)
        found = (reply.status_code, reply.json()["code"])
        assert found == (401, "unauthenticated"), attack.__name__
        assert "citewell_session" not in anonymous.cookies


async def test_an_answer_works_once_and_for_ten_minutes(
    anonymous: httpx.AsyncClient,
    admits: Callable[..., None],
    provider: ProviderAtTest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admits()
    back = await visit(await depart(anonymous))
    kept = {"cookie": f"{ATTEMPT_COOKIE}={anonymous.cookies[ATTEMPT_COOKIE]}"}
    assert (await anonymous.head(back)).status_code == 405, "a preview does not use it up"
    assert (await anonymous.get(back)).status_code == 303
    assert ATTEMPT_COOKIE not in anonymous.cookies
    anonymous.cookies.clear()
    asked = provider.asked["token"]
    again = await anonymous.get(back, headers=kept)
    assert again.status_code == 401
    assert "used already" in again.json()["detail"]
    assert provider.asked["token"] == asked, "the provider is not even asked"

    code = parse_qs(urlsplit(back).query)["code"][0]
    new = await visit(await depart(anonymous))
    fresh = parse_qs(urlsplit(new).query)["code"][0]
    reply = await anonymous.get(new.replace(fresh, code))
    assert reply.status_code == 401, "a code works once, too"

    clock = [time.time()]

    def by_clock(box: Any) -> Attempts:
        return Attempts(box, lambda: clock[0])

    monkeypatch.setattr(sign_on, "Attempts", by_clock)
    for seconds, status in ((LIFETIME_SECONDS - 1, 303), (LIFETIME_SECONDS, 401)):
        back = await visit(await depart(anonymous))
        clock[0] += seconds
        assert (await anonymous.get(back)).status_code == status


# However long ago this module was read.
LONG_AGO, ONE_DAY = 1_000_000_000, 10_000_000_000
LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "two issuers": {"iss": ["https://evil.example"]},
    "no issuer": {"iss": None},
    "another audience": {"aud": "somebody-else"},
    "no audience": {"aud": None},
    "many audiences without an authorized party": {"aud": [CLIENT, "somebody-else"]},
    "another authorized party": {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
    "expired": {"exp": LONG_AGO + 300, "iat": LONG_AGO},
    "no end": {"exp": None},
    "an end that is no number": {"exp": "never"},
    "of the future": {"iat": ONE_DAY},
    "not valid yet": {"nbf": ONE_DAY},
    "another nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "another access token": {"at_hash": "x" * 22},
    "an access token's hash of another type": {"at_hash": 5},
    "nobody": {"sub": None},
    "an empty subject": {"sub": ""},
    "a numeric subject": {"sub": 7},
    "a long subject": {"sub": "x" * 256},
}


def by_a_stranger(known: SigningKey) -> Callable[[dict[str, Any]], str]:
    return rsa(known.kid, "stranger").sign


SIGNATURES: dict[str, Callable[[SigningKey], Callable[[dict[str, Any]], str]]] = {
    "none": lambda _: unsigned,
    "the public key as a secret": signed_with_public_key,
    "a stranger's key under a known id": by_a_stranger,
    "an id that nobody knows": lambda known: replace(known, kid="rsa-9").sign,
    "another algorithm of the same key": lambda known: replace(known, algorithm="RS512").sign,
    "no token at all": lambda _: lambda _claims: "x",
    "no token but a number": lambda _: lambda _claims: 7,  # type: ignore[dict-item,return-value]
}


async def test_a_token_that_says_something_else_or_is_not_signed_is_not_believed(
    anonymous: httpx.AsyncClient, admits: Callable[..., None], provider: ProviderAtTest
) -> None:
    admits("*")
    for name in (*LIES, *SIGNATURES):
        provider.lies = LIES.get(name, {})
        provider.sign = SIGNATURES[name](provider.keys[0]) if name in SIGNATURES else None
        reply = await sign_in(anonymous)
        assert (reply.status_code, reply.json()["code"]) == (401, "unauthenticated"), name
        assert "citewell_session" not in anonymous.cookies
    provider.lies, provider.sign = {}, None
    assert (await sign_in(anonymous)).status_code == 303


async def test_keys_of_both_kinds_are_believed_and_unknown_ones_looked_for_once_a_minute(
    anonymous: httpx.AsyncClient,
    api: FastAPI,
    admits: Callable[..., None],
    provider: ProviderAtTest,
) -> None:
    admits()
    provider.person = ada(aud=[CLIENT, "another"], azp=CLIENT, at_hash=None)
    for key in provider.keys:
        provider.sign = key.sign
        assert (await sign_in(anonymous)).status_code == 303
    bare = [{k: v for k, v in key.jwk().items() if k != "alg"} for key in (rsa("a"), ed25519("b"))]
    odd: list[Any] = [{"kty": "oct", "k": "AAAA", "kid": "rsa-1"}, {"use": "enc"}, 7]
    read = [oidc._key(one) for one in [*bare, *odd]]
    assert [one and (one[0], one[1].algorithm) for one in read] == [
        ("a", "RS256"), ("b", "EdDSA"), None, None, None,
    ]  # fmt: skip

    provider.sign = None
    provider.asked.clear()
    clock = [1000.0]
    api.state.server.provider = Provider(api.state.server.provider.registration, lambda: clock[0])
    assert (await sign_in(anonymous)).status_code == 303
    provider.keys = [rsa("rsa-2", "second")]
    for _ in range(3):
        assert (await sign_in(anonymous)).status_code == 401
    assert provider.asked["keys"] == 1
    clock[0] += UNKNOWN_SECONDS
    assert (await sign_in(anonymous)).status_code == 303
    assert (provider.asked["keys"], provider.asked["description"]) == (2, 1)


BROKEN: dict[str, tuple[str, Response, int]] = {
    "no page": ("description", JSONResponse({}, 404), 502),
    "a crash": ("description", JSONResponse({}, 500), 503),
    "no JSON": ("description", Response(b"<html>"), 502),
    "a list": ("description", JSONResponse([]), 502),
    "deep JSON": ("description", Response(b"[" * 100_000), 502),
    "endless": ("description", Response(b" " * 300_000), 502),
    "elsewhere": ("description", Response(status_code=302, headers={"location": "/x"}), 502),
    "keys: no page": ("keys", JSONResponse({}, 404), 502),
    "keys: a crash": ("keys", JSONResponse({}, 503), 503),
    "keys: none": ("keys", JSONResponse({"keys": None}), 401),
    "token: a crash": ("token", JSONResponse({}, 500), 503),
    "token: too many": ("token", JSONResponse({}, 429), 503),
    "token: no JSON": ("token", Response(b"no"), 502),
    "token: another client": ("token", JSONResponse({"error": "invalid_client"}, 401), 502),
    "token: nothing in it": ("token", JSONResponse({}), 401),
    "token: endless": ("token", Response(b" " * 100_000), 502),
}


ABOUT: list[dict[str, Any]] = [
    {"issuer": "https://evil.example"},
    {"token_endpoint": "http://169.254.169.254/latest"},
    {"token_endpoint": "http://evil.example/token"},
    {"token_endpoint": None},
    {"jwks_uri": "file:///etc/passwd"},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"code_challenge_methods_supported": ["plain"]},
    {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
]


async def test_a_broken_or_misleading_provider_is_a_clear_problem(
    anonymous: httpx.AsyncClient,
    admits: Callable[..., None],
    provider: ProviderAtTest,
    forgetful: Callable[[], None],
) -> None:
    admits()
    for name, (path, answer, status) in BROKEN.items():
        forgetful()
        provider.instead = {path: answer}
        asked = provider.asked["description"]
        if path == "description":
            reply = await anonymous.get(START)
            told = await anonymous.get(START)
            assert (told.status_code, told.json()["detail"]) == (status, reply.json()["detail"])
            assert provider.asked["description"] == asked + 1, "one failure answers for a while"
        else:
            reply = await sign_in(anonymous)
        assert reply.status_code == status, (name, reply.text)
        assert reply.json()["hint"]
        assert "citewell_session" not in anonymous.cookies
    provider.instead = {}
    for about in ABOUT:
        forgetful()
        provider.about = about
        reply = await anonymous.get(START)
        assert (reply.status_code, reply.json()["code"]) == (502, "upstream"), about
        assert "describes itself wrongly" in reply.json()["detail"]


async def test_a_provider_that_does_not_answer_is_not_waited_for(
    anonymous: httpx.AsyncClient,
    admits: Callable[..., None],
    provider: ProviderAtTest,
    api: FastAPI,
    forgetful: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert DOCUMENT.seconds + EXCHANGE.seconds <= 15
    monkeypatch.setattr(oidc, "EXCHANGE", Bounds(0.2, EXCHANGE.size))
    patient = oidc.DOCUMENT
    admits()
    for path in ("token", "keys", "description"):
        forgetful()
        provider.silent = {path}
        address = None if path == "description" else await visit(await depart(anonymous))
        monkeypatch.setattr(oidc, "DOCUMENT", Bounds(0.2, DOCUMENT.size))
        reply = await anonymous.get(address or START)
        monkeypatch.setattr(oidc, "DOCUMENT", patient)
        assert (reply.status_code, reply.json()["code"]) == (503, "unavailable"), path
        assert "within 0.2 s" in reply.json()["detail"]
        assert int(reply.headers["retry-after"]) > 0

    provider.silent.clear()
    forgetful()
    turns = api.state.server.provider._turns
    for _ in range(AT_ONCE):
        await turns.acquire()
    assert (await sign_in(anonymous)).status_code == 503, "few wait at the same moment"
    turns.release()
    assert (await sign_in(anonymous)).status_code == 303

    async with running(ProviderAtTest()) as gone:
        pass
    registration = replace(api.state.server.provider.registration, issuer=gone.issuer)
    api.state.server.provider = Provider(registration)
    reply = await anonymous.get(START)
    assert (reply.status_code, reply.json()["code"]) == (503, "unavailable")


async def test_attempts_are_counted_like_passwords(
    anonymous: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PER_ADDRESS <= 60
    monkeypatch.setattr(sign_on, "PER_ADDRESS", 3)
    for path, status in ((START, 303), (BACK, 401)):
        replies = [await anonymous.get(path) for _ in range(4)]
        assert [one.status_code for one in replies] == [status] * 3 + [429]
        assert 0 < int(replies[-1].headers["retry-after"]) <= 60


async def test_nothing_in_an_address_decides_where_a_browser_ends_or_what_it_shows(
    anonymous: httpx.AsyncClient,
    api: FastAPI,
    admits: Callable[..., None],
    provider: ProviderAtTest,
) -> None:
    admits()
    for name in ("next", "return_to", "redirect_uri", "client_id"):
        assert (await anonymous.get(START, params={name: "https://evil.example"})).is_error
    address = await depart(anonymous)
    assert address.startswith(f"{provider.issuer}/authorize?")
    back = await visit(address)
    more = "&next=https://evil.example&return_to=//evil.example&redirect_uri=https://evil.example"
    reply = await anonymous.get(back + more)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")

    for error, shown in (("access_denied", True), ("call +1 555 0100 now", False)):
        state = parse_qs(urlsplit(await depart(anonymous)).query)["state"][0]
        told = {"error": error, "error_description": "CLICK HERE", "state": state}
        reply = await anonymous.get(BACK, params=told)
        assert reply.status_code == 401
        assert (error in reply.text) == shown
        assert "CLICK" not in reply.text

    # The page learns of the provider before anybody has signed in.
    reply = await anonymous.get("/api/v1/auth/providers")
    assert reply.json() == {"items": [{"name": "Example", "start": START}]}
    api.state.server.provider = None
    assert (await anonymous.get("/api/v1/auth/providers")).json() == {"items": []}
    for path in (START, BACK):
        assert (await anonymous.get(path)).status_code == 404


async def test_only_who_administers_somebody_with_an_address_opens_their_account(
    anonymous: httpx.AsyncClient, app: App, keys: Keys
) -> None:
    person = (await add_person(app.accounts, DEFAULT_TENANT, ADA, Role.OWNER)).user_id
    path = f"/api/v1/users/{person}/single-sign-on"
    below = [
        await keys.make(Role.EDITOR),
        await keys.make(Role.ADMIN),
        await keys.make(Role.OWNER, frozenset({Scope.DOCUMENTS_WRITE})),
    ]
    for key in below:
        for method in ("GET", "PUT", "DELETE"):
            headers = {"authorization": f"Bearer {key}"}
            reply = await anonymous.request(method, path, headers=headers)
            assert reply.status_code == 403, reply.text
    bare = (await app.accounts.authenticate(await keys.make(Role.VIEWER))).user_id
    admin = {"authorization": f"Bearer {app.admin_key}"}
    reply = await anonymous.put(f"/api/v1/users/{bare}/single-sign-on", headers=admin)
    assert reply.status_code == 409
    assert "no address" in reply.json()["detail"]


async def test_the_command_line_opens_an_account_and_shuts_it(
    anonymous: httpx.AsyncClient, api: FastAPI, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_person(app.accounts, DEFAULT_TENANT, ADA)
    monkeypatch.setenv("CITEWELL_API_KEY", app.admin_key)
    async with listening(api) as address:

        async def said(*words: str) -> str:
            command = ["--server", f"http://{address}", "--json", "users", "sign-on", ADA, *words]
            # The server's log, in the same process, would be taken for the command's result.
            with capture_logs():
                done = await asyncio.to_thread(CliRunner().invoke, command_line, command)
            assert done.exit_code == 0, done.output
            return str(json.loads(done.stdout)["state"])

        assert [await said(), await said("open"), await said()] == ["shut", "open", "open"]
        assert (await sign_in(anonymous)).status_code == 303
        assert [await said(), await said("shut")] == ["linked", "shut"]
