"""Which addresses a provider may have, and which of its own words about them are believed."""

import asyncio

import pytest

from citewell.accounts.boxes import Box
from citewell.accounts.oidc.attempts import LIFETIME_SECONDS, Attempts
from citewell.accounts.oidc.registration import Registration
from citewell.accounts.oidc.remembering import FAILED_SECONDS, Remembered
from citewell.accounts.oidc.sign_on import Newcomers
from citewell.domain.errors import StartError, UnavailableError, UpstreamError
from citewell.domain.principal import Role

HERE = "http://127.0.0.1:9000"
ABROAD = "https://login.example.org/realms/one"


def registered(issuer: str, public_url: str = "https://citewell.example.org") -> Registration:
    return Registration(issuer, "client", public_url, "secret")


@pytest.mark.parametrize(
    "address",
    [
        "http://login.example.org", "http://192.0.2.1", "http://10.0.0.1", "http://0.0.0.0",
        "http://169.254.169.254", "http://localhost.example.org", "http://127.0.0.1.example.org",
        "http://[::2]", "https://", "https://user@login.example.org", "https://login.example.org#x",
        "https://login.example.org?x=1", "https://login.example.org/a b", "https://ü.example.org",
        "https://login.example.org\\@127.0.0.1", "ftp://login.example.org", "login.example.org",
        "//login.example.org", "https://login.example.org/\n", "https://x.example/" + "y" * 2000,
    ],
)  # fmt: skip
def test_an_issuer_is_https_or_on_this_machine(address: str) -> None:
    with pytest.raises(StartError, match="CITEWELL_OIDC__ISSUER"):
        registered(address)
    with pytest.raises(StartError, match="CITEWELL_OIDC__PUBLIC_URL"):
        registered(ABROAD, address)


@pytest.mark.parametrize(
    "address", [ABROAD, HERE, "http://localhost:8080/x", "http://[::1]:9000", "https://10.1.2.3/x"]
)
def test_an_issuer_may_be_in_an_own_network_with_a_certificate(address: str) -> None:
    assert registered(address, HERE).redirect_uri == f"{HERE}/auth/oidc/callback"


def test_a_secret_is_not_in_what_is_shown_of_a_registration() -> None:
    assert "secret" not in repr(registered(ABROAD)).replace("secret=", "")


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1/token", "https://127.9.9.9/token", "https://localhost/token",
        "https://localhost./token", "https://x.localhost/token", "https://[::1]/token",
        "https://[::ffff:127.0.0.1]/token", "https://0.0.0.0/token", "https://[::]/token",
        "https://169.254.169.254/token", "https://[fe80::1]/token", "http://login.example.org/token",
        "file:///etc/passwd", "", 7, None, "https://127.1/token", "https://2130706433/token",
        "https://0x7f.1/token",
    ],
)  # fmt: skip
def test_a_provider_elsewhere_names_no_address_of_this_machine(address: object) -> None:
    with pytest.raises(UpstreamError, match="describes itself wrongly"):
        registered(ABROAD).check_endpoint("token_endpoint", address)


def test_a_provider_on_this_machine_names_its_own_and_others() -> None:
    for address in (f"{HERE}/token?tenant=1", "https://keys.example.org/keys"):
        assert registered(HERE).check_endpoint("jwks_uri", address) == address
        if address.startswith("https"):
            assert registered(ABROAD).check_endpoint("jwks_uri", address) == address


def test_an_attempt_is_read_by_the_server_that_sealed_it_and_in_time_only() -> None:
    clock = [100.0]
    attempts = Attempts(Box("one secret", "single sign-on"), lambda: clock[0])
    begun = attempts.begin(ABROAD)
    sealed = attempts.seal(begun)
    assert begun.state not in sealed
    assert attempts.open(sealed) == begun
    assert begun.is_answered_by(begun.state)
    assert not begun.is_answered_by(begun.nonce)
    assert not begun.is_answered_by("ü")
    assert len({begun.state, begun.nonce, begun.verifier, attempts.begin(ABROAD).state}) == 4
    for box in (Box("another secret", "single sign-on"), Box("one secret", "another purpose")):
        assert Attempts(box, lambda: clock[0]).open(sealed) is None
    for broken in ("", "x", "ü", sealed[:-4], "AAAA" + sealed, "A" * 3000):
        assert attempts.open(broken) is None
    clock[0] += LIFETIME_SECONDS
    assert attempts.open(sealed) is None


def test_newcomers_are_of_an_admitted_domain_and_get_a_role() -> None:
    some = Newcomers(Role.VIEWER, frozenset({"example.org"}))
    assert some.admit("ada@example.org")
    assert not some.admit("ada@sub.example.org")
    assert not some.admit("example.org")
    assert Newcomers(Role.VIEWER, frozenset({"*"})).admit("ada@anywhere.example")
    assert not Newcomers(None, frozenset({"*"})).admit("ada@example.org")
    assert not Newcomers(Role.VIEWER).admit("ada@example.org")


async def test_whoever_comes_while_a_value_is_fetched_waits_for_the_same_one() -> None:
    fetched = 0
    clock = [100.0]

    async def fetch() -> int:
        nonlocal fetched
        fetched += 1
        await asyncio.sleep(0)
        if fetched == 2:
            raise UnavailableError("It is not there.")
        return fetched

    value = Remembered(fetch, lambda: clock[0])
    got = await asyncio.gather(*(value.get(seconds=60) for _ in range(20)))
    assert (got, fetched) == ([1] * 20, 1)
    clock[0] += 60
    failed = await asyncio.gather(
        *(value.get(seconds=60) for _ in range(9)), return_exceptions=True
    )
    assert {type(one) for one in failed} == {UnavailableError}
    assert fetched == 2, "one failure answers all of them"
    clock[0] += FAILED_SECONDS
    assert await value.get(seconds=60) == 3
