"""Requests to other servers stay within their bounds, and waits are what the server asked for."""

from datetime import UTC, datetime

import pytest

from citewell.domain.errors import InvalidError, UpstreamError
from citewell.inference.egress import clients
from citewell.inference.egress.clients import Form, fetch, open_client, post_json
from citewell.inference.egress.exchange import Bounds, UnreachableError
from citewell.inference.retries import Patience, seconds_asked
from tests.contract.openai_server import HANG, Answer, model_server

NOW = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)


async def test_an_answer_over_the_limit_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "MAX_RESPONSE_BYTES", 1 << 20)
    with model_server() as server:
        server.script.append(Answer(200, b"x" * (3 << 20)))
        async with open_client(server.base_url) as client:
            with pytest.raises(UpstreamError, match="more than 1 MiB"):
                await post_json(client, "embeddings", b"{}")


async def test_redirects_are_answers_and_not_followed() -> None:
    with model_server() as server:
        server.script.append(Answer(307, b"elsewhere", {"Location": server.base_url + "/other"}))
        async with open_client(server.base_url, api_key="key") as client:
            reply = await post_json(client, "embeddings", b"{}")
    assert (reply.status, reply.content) == (307, b"elsewhere")
    assert len(server.requests) == 1


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with model_server() as server:
        server.script.append(Answer(200, b"direct"))
        async with open_client(server.base_url) as client:
            assert (await post_json(client, "embeddings", b"{}")).content == b"direct"


async def test_one_address_is_asked_within_the_bounds_that_are_given() -> None:
    bounds = Bounds(0.3, 1 << 16)
    form = Form("a=1", {"authorization": "Basic eA=="})
    assert "Basic" not in repr(form)
    with model_server() as server:
        address = server.base_url + "/embeddings"
        server.script += [Answer(302, b"", {"Location": address}), Answer(200, b"x" * (1 << 17))]
        assert (await fetch(address, address, bounds, form)).status == 302
        with pytest.raises(UpstreamError, match="more than 64 kB"):
            await fetch(address, address, bounds, form)
        server.script.append(HANG)
        with pytest.raises(UnreachableError, match=r"no whole answer within 0\.3 s"):
            await fetch(address, address, bounds, form)
        assert [one["authorization"] for one in server.headers] == ["Basic eA=="] * 3
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1"):
        await fetch(address, address, bounds)
    with pytest.raises(InvalidError):
        await fetch(address, "file:///etc/passwd", bounds)


async def test_a_refused_connection_is_unreachable() -> None:
    with model_server() as gone:
        pass
    async with open_client(gone.base_url) as client:
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1"):
            await post_json(client, "embeddings", b"{}")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("Tue, 01 Jan 2030 12:00:30 GMT", 30.0),
        ("Tue, 01 Jan 2030 12:00:30 -0000", 30.0),
        ("Tue, 01 Jan 2030 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    header: str | None, seconds: float | None
) -> None:
    assert seconds_asked(header, NOW) == seconds


def test_waits_are_spread_below_a_bound_that_doubles_and_ends() -> None:
    patience = Patience(first=1.0, most=4.0)
    for attempt, bound in enumerate([1.0, 2.0, 4.0, 4.0, 4.0]):
        waits = [patience.wait(attempt, None) for _ in range(200)]
        assert 0 <= min(waits) < bound / 4
        assert bound * 3 / 4 < max(waits) <= bound
    assert patience.wait(10_000, 9.0) >= 9.0
