"""S6: no address that people give, however it is written, leads to a place that is not public."""

import json
import random
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import httpx
import pytest

from citewell.domain.errors import AppError, InvalidError
from citewell.inference.egress.addresses import PORTS, Address
from citewell.inference.egress.network import is_public
from citewell.inference.egress.web import Page
from tests.api.conftest import shared
from tests.conftest import Counted
from tests.security.egress.hostile_addresses import PRIVATE_4, PRIVATE_6, hosts, urls
from tests.security.egress.internet import CANARIES, PUBLIC, Internet, http, redirect

SOME = 700


async def outcome(internet: Internet, url: str) -> Page | AppError:
    try:
        return await internet.web().get(url)
    except AppError as error:
        return error


async def test_no_way_of_writing_a_private_address_reaches_it(
    internet: Internet, seed: int, storm: bool, record_property: Counted
) -> None:
    listed = shared("security/ssrf/attack/ip/localhost.txt").read_text("utf-8").split()
    every = [*urls(), *(f"http://{one}/" for one in listed)]
    ways = [(url, step) for url in every for step in ("direct", "redirect")]
    if not storm:
        ways = random.Random(seed).sample(ways, SOME)
    for number, (url, step) in enumerate(ways):
        if step == "redirect":
            internet.pages["good.example", f"/{number}"] = redirect(url)
        first = url if step == "direct" else f"http://good.example/{number}"
        assert isinstance(await outcome(internet, first), AppError), (url, step)
        assert internet.strayed == [], (url, step)
    assert internet.knocks == 0
    record_property("attempts", len(ways))
    record_property("canary_hits", internet.knocks)
    assert not storm or len(ways) >= 5000


async def test_no_name_of_a_private_address_reaches_it(internet: Internet) -> None:
    for number, ip in enumerate((*PRIVATE_4, *PRIVATE_6)):
        internet.names[f"n{number}.example"] = [[ip]]
        internet.names[f"m{number}.example"] = [[PUBLIC, ip], [ip, PUBLIC]]
        for name in (f"n{number}.example", f"m{number}.example", f"M{number}.example."):
            for scheme in ("http", "https"):
                refused = await outcome(internet, f"{scheme}://{name}/")
                assert isinstance(refused, InvalidError), (name, ip)
                # What the name stands for is nobody's business, nor whether there is one.
                assert ip not in refused.message + refused.hint
    unknown = await outcome(internet, "http://unknown.example/")
    private = await outcome(internet, "http://n0.example/")
    assert isinstance(unknown, InvalidError)
    assert isinstance(private, InvalidError)
    assert unknown.message.replace("unknown", "n0") == private.message
    assert (internet.dialled, internet.knocks) == ([], 0)


async def test_a_canary_that_is_touched_is_heard(internet: Internet) -> None:
    for address in CANARIES:
        stream = await internet.connect_tcp(address, 80)
        assert await stream.read(1, 10.0) == b""
        await stream.aclose()
    assert internet.knocks == len(CANARIES)
    assert internet.strayed == list(CANARIES)


async def test_guard_and_client_find_the_same_host_in_every_url_of_the_standards_tests(
    internet: Internet, record_property: Counted
) -> None:
    cases = _standard_cases()
    assert len(cases) == 891
    taken = [0, 0, 0]
    for case in cases:
        for kind, read in enumerate(_readings(case)):
            try:
                address = read()
            except InvalidError:
                continue
            taken[kind] += 1
            # Who reads it as the standard says finds the host that was judged, and no other.
            assert not case.get("failure"), case["input"]
            standard = httpx.URL(case["href"])
            assert address.origin.host == standard.raw_host.decode(), case["input"]
            assert address.origin.port == (standard.port or PORTS[standard.scheme]), case["input"]
            await _same_at_the_wire(internet, address)
    assert internet.knocks == 0
    record_property("urls", len(cases))
    record_property("urls_taken_redirected_normal", taken)
    assert min(taken) > 50


def _readings(case: dict[str, Any]) -> Sequence[Callable[[], Address]]:
    """As it was given, as a redirect from its base, and as the standard writes it."""
    return (
        lambda: Address.read(case["input"]),
        lambda: Address.read(case["base"] or "").follow(case["input"]),
        lambda: Address.read(case.get("href", "")),
    )


async def _same_at_the_wire(internet: Internet, address: Address) -> None:
    """What is looked up, connected to and said to the server is what was read."""
    origin = address.origin
    if origin.scheme != "http" or origin.port not in PORTS.values():
        return
    internet.names[origin.host.rstrip(".")] = [[PUBLIC]]
    internet.lookups.clear()
    internet.dialled.clear()
    internet.asked.clear()
    internet.pages[origin.authority, address.target] = http(200, b"page")
    found = await outcome(internet, str(address))
    literal = _ip(origin.host)
    if isinstance(found, Page):
        assert internet.asked == [(origin.authority, address.target)], address
        assert internet.dialled == [(PUBLIC, origin.port)], address
        assert literal or internet.lookups == [origin.host.rstrip(".")], address
    else:
        # No name: it is connected to as it stands, or not at all.
        assert literal is not None, address
        expected = [(origin.host, origin.port)] if is_public(literal) else []
        assert internet.dialled == expected, address


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _standard_cases() -> list[dict[str, Any]]:
    path = shared("security/url-parsing/tests/wpt/urltestdata.json")
    return [one for one in json.loads(path.read_text("utf-8")) if isinstance(one, dict)]


def test_what_counts_as_public_is_never_more_than_the_registries_say(seed: int) -> None:
    draw = random.Random(seed)
    drawn = [IPv4Address(draw.getrandbits(32)) for _ in range(20_000)]
    inside = [IPv6Address((0x2 << 124) | draw.getrandbits(124)) for _ in range(10_000)]
    around = [IPv6Address((0x2001 << 112) | draw.getrandbits(112)) for _ in range(10_000)]
    every: list[IPv4Address | IPv6Address] = [*drawn, *inside, *around]
    public = [ip for ip in every if is_public(ip)]
    assert len(public) > 20_000
    for ip in public:
        assert ip.is_global, ip
        assert not any((ip.is_multicast, ip.is_reserved, ip.is_private)), ip
    for text in (*PRIVATE_4, *PRIVATE_6, "fe80::1%eth0", "2001:4860:4860::8888%1"):
        assert not is_public(ip_address(text)), text
    for text in ("8.8.8.8", "1.1.1.1", "223.255.255.254", "2001:4860:4860::8888", "2a00::1"):
        assert is_public(ip_address(text)), text


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://Example.COM", "https://example.com/"),
        ("http://example.com:80/a?b=c#d", "http://example.com/a?b=c"),
        ("https://example.com:443/", "https://example.com/"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("https://bücher.example/straße", "https://xn--bcher-kva.example/stra%C3%9Fe"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2A00::1]/", "http://[2a00::1]/"),
        ("https://a_b.example/", "https://a_b.example/"),
    ],
)
def test_an_address_is_read_as_people_write_it(given: str, read: str) -> None:
    assert str(Address.read(given)) == read


@pytest.mark.parametrize(
    "given",
    [
        "", "example.com", "https://", "https:///x", "javascript:alert(1)", "file:///etc/passwd",
        "https://u@example.com/", "https://u:p@example.com/", "https://:@example.com/",
        "https://exa mple.com/", "https://example.com/a b", "https://example.com\\x",
        "https://example.com:99999/", "https://example.com:x/", "https://example.com:0/",
        "https://-/..", "https://a..b/", "https://" + "a" * 64 + ".example/",
        "https://example.com/" + "x" * 2000, "https://xn--a/\ud800",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused_and_says_how_to_write_it(given: str) -> None:
    with pytest.raises(InvalidError, match="The address") as refused:
        Address.read(given)
    assert "https://host/path" in refused.value.hint


def test_there_are_enough_ways_of_writing() -> None:
    assert len(set(hosts())) > 400
    assert len(set(urls())) > 5000
