"""S6: every step to a page is judged when it is taken, and none takes more than its share."""

import asyncio
import gzip
import ssl
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from citewell.domain.errors import AppError, InvalidError, TimedOutError, UpstreamError
from citewell.inference.egress.addresses import Address
from citewell.inference.egress.clients import fetch
from citewell.inference.egress.exchange import Bounds, UnreachableError
from citewell.inference.egress.network import Network, resolve
from citewell.inference.egress.web import MOST_BYTES, SECONDS, Web
from tests.conftest import Counted
from tests.security.egress.internet import (
    PATIENCE,
    PUBLIC,
    PUBLIC_6,
    Internet,
    http,
    redirect,
    small_internet,
)

GOOD = "http://good.example"


async def test_a_name_that_changes_its_answer_is_connected_to_only_where_it_was_judged(
    internet: Internet, storm: bool, record_property: Counted
) -> None:
    attempts = 1000 if storm else 100
    internet.names["flip.example"] = [[PUBLIC], ["127.0.0.1"]]
    internet.pages["flip.example", "/"] = http(200, b"page")
    refused = 0
    for _ in range(attempts):
        try:
            page = await internet.web().get("http://flip.example/")
            assert page.content == b"page"
        except InvalidError:
            refused += 1
    # Asked once each: every second time the answer was this machine, and nobody went there.
    assert (refused, len(internet.lookups)) == (attempts // 2, attempts)
    assert internet.dialled == [(PUBLIC, 80)] * (attempts // 2)
    assert internet.knocks == 0
    record_property("flips_refused", refused)


async def test_a_name_that_flips_between_a_page_and_its_redirect_is_refused(
    internet: Internet, storm: bool, record_property: Counted
) -> None:
    attempts = 1000 if storm else 50
    internet.names["flip.example"] = [[PUBLIC], ["127.0.0.1"]]
    internet.pages["flip.example", "/"] = redirect("/again")
    for _ in range(attempts):
        with pytest.raises(InvalidError, match="public network"):
            await internet.web().get("http://flip.example/")
    assert len(internet.lookups) == 2 * attempts
    assert internet.strayed == []
    assert internet.knocks == 0
    record_property("rebindings_refused", attempts)


async def test_an_address_that_was_good_once_is_judged_again_when_it_is_used_again(
    internet: Internet,
) -> None:
    internet.names["kept.example"] = [[PUBLIC]]
    internet.pages["kept.example", "/"] = http(200, b"page")
    web = internet.web()
    kept = str((await web.get("http://kept.example/")).address)
    internet.names["kept.example"] = [["169.254.169.254"]]
    internet._turns.clear()
    with pytest.raises(InvalidError):
        await web.get(kept)
    assert internet.strayed == []


async def test_three_redirects_are_followed_and_the_fourth_is_not(internet: Internet) -> None:
    internet.names["other.example"] = [[PUBLIC_6, PUBLIC]]
    internet.pages |= {
        ("good.example", "/4"): redirect("/3", 301),
        ("good.example", "/3"): redirect("http://other.example:80/2?a=b#c", 307),
        ("other.example", "/2?a=b"): redirect("//good.example/1", 303),
        ("good.example", "/1"): redirect("0", 308),
        ("good.example", "/0"): http(200, b"at last", content_type="text/plain"),
    }
    page = await internet.web().get(f"{GOOD}/3")
    assert (str(page.address), page.content) == (f"{GOOD}/0", b"at last")
    assert page.headers["content-type"] == "text/plain"
    with pytest.raises(UpstreamError, match="more than 3 times"):
        await internet.web().get(f"{GOOD}/4")


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/", "//localhost/", "http://[::1]/", "http://inner.example/",
        "http://good.example:8080/", "http://u:p@good.example/", "file:///etc/passwd",
        "gopher://good.example/", "http://good.example\\@127.0.0.1/", "\\\\127.0.0.1\\", "https:",
        "http://2130706433/", "/ /", "http://good.example/\u00e9 x", "x" * 3000,
    ],
)  # fmt: skip
async def test_a_redirect_to_what_nobody_may_ask_for_is_refused(
    internet: Internet, location: str
) -> None:
    internet.names["inner.example"] = [["10.1.2.3"]]
    internet.pages["good.example", "/"] = redirect(location)
    with pytest.raises(InvalidError):
        await internet.web().get(f"{GOOD}/")
    assert internet.dialled == [(PUBLIC, 80)]
    assert internet.knocks == 0


async def test_only_the_ports_of_the_web_are_asked(internet: Internet) -> None:
    for port in (0, 1, 22, 25, 81, 442, 5432, 6379, 8420, 65535):
        with pytest.raises(InvalidError):
            await internet.web().get(f"http://good.example:{port}/")
    assert internet.dialled == []


async def test_an_origin_that_the_operator_has_added_is_asked_and_no_other_one_beside_it() -> None:
    async with small_internet() as named, small_internet() as beside:
        web = Web(frozenset({named.origin}))
        host = named.origin.authority
        named.pages |= {
            (host, "/page"): redirect("/moved"),
            (host, "/moved"): http(200, b"inside"),
            (host, "/away"): redirect(f"{beside.origin}/"),
        }
        page = await web.get(f"{named.origin}/page")
        assert (page.content, page.address.target) == (b"inside", "/moved")
        for address in (f"{named.origin}/away", str(beside.origin), "http://127.0.0.1/"):
            with pytest.raises(InvalidError):
                await web.get(address)
        assert beside.asked == []


async def test_nothing_redirects_into_an_origin_that_the_operator_has_added(
    internet: Internet,
) -> None:
    internet.names["inner.example"] = [["127.0.0.1"]]
    internet.pages["good.example", "/"] = redirect("http://inner.example/secret")
    added = frozenset({Address.read("http://inner.example").origin})
    web = Web(added, Network(resolve=internet.resolve, dial=internet))
    with pytest.raises(InvalidError):
        await web.get(f"{GOOD}/")
    assert internet.dialled == [(PUBLIC, 80)]
    assert internet.knocks == 0


async def test_the_address_that_the_operator_named_leads_to_no_other_private_one() -> None:
    bounds = Bounds(PATIENCE, 1 << 16)
    async with small_internet() as named, small_internet() as beside:
        issuer, host = f"{named.origin}/issuer", named.origin.authority
        named.pages[host, "/keys"] = http(200, b"{}")
        named.pages[host, "/away"] = redirect(f"{beside.origin}/keys")
        assert (await fetch(issuer, f"{named.origin}/keys", bounds)).content == b"{}"
        assert (await fetch(issuer, f"{named.origin}/away", bounds)).status == 302
        with pytest.raises(UnreachableError, match="not a public address"):
            await fetch(issuer, f"{beside.origin}/keys", bounds)
        assert beside.asked == []


async def test_a_page_over_its_bytes_ends_there_also_when_it_is_packed(internet: Internet) -> None:
    most = 1 << 20
    bomb = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    assert len(packed) < most
    internet.pages |= {
        ("good.example", "/bomb"): http(200, packed, content_encoding="gzip"),
        ("good.example", "/large"): http(200, bytes(most + 1)),
        ("good.example", "/whole"): http(200, bytes(most)),
        ("good.example", "/packed"): http(200, gzip.compress(bytes(most)), content_encoding="gzip"),
        ("good.example", "/lying"): http(200, b"x", content_length="99999999999999"),
    }
    web = internet.web(Bounds(PATIENCE, most))
    tracemalloc.start()
    try:
        for path in ("/bomb", "/large"):
            with pytest.raises(UpstreamError, match="more than 1 MiB"):
                await web.get(GOOD + path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * most
    for path in ("/whole", "/packed"):
        assert len((await web.get(GOOD + path)).content) == most
    with pytest.raises(UpstreamError):
        await web.get(GOOD + "/lying")


@pytest.mark.parametrize(
    ("packing", "body"),
    [
        ("br", b"x"), ("gzip, gzip", gzip.compress(gzip.compress(b"x"))), ("zstd", b"x"),
        ("gzip", b"not packed"), ("gzip", gzip.compress(b"x" * 999)[:-12]), ("x\xe9", b"x"),
    ],
    ids=["brotli", "twice", "zstandard", "not packed", "cut", "unheard of"],
)  # fmt: skip
async def test_an_answer_that_cannot_be_unpacked_is_refused(
    internet: Internet, packing: str, body: bytes
) -> None:
    internet.pages["good.example", "/"] = http(200, body, content_encoding=packing)
    with pytest.raises(UpstreamError):
        await internet.web().get(f"{GOOD}/")


async def test_what_is_not_whole_in_time_is_given_up(internet: Internet) -> None:
    released = asyncio.Event()

    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.wait_for(released.wait(), PATIENCE)

    async def half(writer: asyncio.StreamWriter) -> None:
        writer.write(http(200, b"x", content_length="100"))
        await silent(writer)

    async def drips(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    async def heads(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not writer.is_closing():
            writer.write(b"a: b\r\n")
            await writer.drain()
            await asyncio.sleep(0)

    internet.pages |= {
        ("good.example", "/silent"): silent,
        ("good.example", "/half"): half,
        ("good.example", "/drips"): drips,
        ("good.example", "/heads"): heads,
    }
    web = internet.web(Bounds(0.3, 1 << 20))
    for path in ("/silent", "/half", "/drips", "/heads"):
        with pytest.raises((TimedOutError, UpstreamError)) as ended:
            await web.get(GOOD + path)
        assert ended.value.hint
    released.set()


async def test_an_endless_page_ends_at_its_bytes(internet: Internet) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
            await writer.drain()

    internet.pages["good.example", "/"] = endless
    with pytest.raises(UpstreamError, match="more than 1 MiB"):
        await internet.web().get(f"{GOOD}/")


async def test_all_steps_together_have_one_bound_of_time(internet: Internet) -> None:
    async def late(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(redirect("/"))

    internet.pages["good.example", "/"] = late
    with pytest.raises(TimedOutError, match=r"0\.2 seconds"):
        await internet.web(Bounds(0.2, 1 << 20)).get(f"{GOOD}/")


async def test_a_server_that_speaks_something_else_is_a_clear_problem(internet: Internet) -> None:
    async def garbage(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n")

    async def gone(writer: asyncio.StreamWriter) -> None:
        writer.close()

    internet.pages |= {
        ("good.example", "/garbage"): garbage,
        ("good.example", "/gone"): gone,
        ("good.example", "/error"): http(500, b"x"),
        ("good.example", "/nowhere"): http(302),
    }
    for path in ("/garbage", "/gone", "/error", "/nowhere", "/missing"):
        with pytest.raises(AppError) as problem:
            await internet.web().get(GOOD + path)
        assert isinstance(problem.value, UpstreamError), path
        assert "good.example" in problem.value.message
        assert problem.value.hint


async def test_tls_is_spoken_with_the_name_of_the_address_and_a_false_certificate_is_refused(
    internet: Internet, tmp_path: Path
) -> None:
    said: list[str | None] = []
    context = _server_context(tmp_path)
    context.sni_callback = lambda _, name, __: said.append(name)

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0, ssl=context)
    internet.site_port = server.sockets[0].getsockname()[1]
    with pytest.raises(UpstreamError, match="certificate"):
        await internet.web().get("https://good.example/")
    server.close()
    await server.wait_closed()
    assert said == ["good.example"]
    assert internet.dialled == [(PUBLIC, 443)]


async def test_the_system_is_asked_for_names_and_numbers() -> None:
    assert "127.0.0.1" in [*await resolve("localhost", 80), *await resolve("127.1", 80)]
    with pytest.raises(InvalidError):
        await Web().get("http://localhost/")


def test_the_bounds_are_those_that_are_promised() -> None:
    assert (SECONDS, MOST_BYTES) == (20.0, 10 * 1024 * 1024)
    assert Web().bounds == Bounds(SECONDS, MOST_BYTES)


def _server_context(folder: Path) -> ssl.SSLContext:
    """For a certificate that names the right host and that nobody believes."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "good.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("good.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "site.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
