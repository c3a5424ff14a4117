"""Servers that the operator has named: a model's, which is kept open, and those asked at times."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from citewell.domain.errors import InvalidError
from citewell.inference.egress.addresses import Address
from citewell.inference.egress.exchange import (
    Asked,
    Bounds,
    Reply,
    UnreachableError,
    certificates,
    exchange,
    over,
)
from citewell.inference.egress.network import CONNECT_SECONDS, Network, NotPublicError

ANSWER_SECONDS = 30.0
MAX_RESPONSE_BYTES = 64 * 1024 * 1024
MAX_CONNECTIONS = 16

Client = httpx.AsyncClient


@dataclass(frozen=True, slots=True)
class Form:
    """A form to send, as `application/x-www-form-urlencoded` text; it may hold secrets."""

    content: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def open_client(base_url: str, *, api_key: str | None = None) -> Client:
    """A client for one http or https server; the caller closes it.

    It follows no redirects (they would carry the key elsewhere) and reads neither proxies nor
    credentials from its surroundings. Raises `InvalidError` for an address or key that cannot
    be sent; no message contains the key.
    """
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    if api_key:
        if not (api_key.isascii() and api_key.isprintable()):
            raise InvalidError(
                "The API key has characters that no header may carry.",
                hint="Copy the key again, without spaces or line breaks around it.",
            )
        headers["authorization"] = f"Bearer {api_key}"
    return httpx.AsyncClient(
        base_url=str(Address.read(base_url)),
        headers=headers,
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
        follow_redirects=False,
        trust_env=False,
        verify=certificates(),
    )


async def post_json(client: Client, path: str, body: bytes) -> Reply:
    """Sends JSON to a path below the client's address and reads the whole answer.

    Raises `UnreachableError` if none comes, `UpstreamError` if it is over the limit of bytes.
    """
    headers = {"content-type": "application/json"}
    request = client.build_request("POST", path, content=body, headers=headers)
    try:
        response = await client.send(request, stream=True)
        try:
            content = await _read(response, MAX_RESPONSE_BYTES)
        finally:
            await response.aclose()
    except (httpx.TransportError, httpx.DecodingError) as problem:
        cause = str(problem) or type(problem).__name__
        raise UnreachableError(f"{client.base_url.host}: {cause}") from problem
    named = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, named, content)


async def fetch(named: str, url: str, bounds: Bounds, form: Form | None = None) -> Reply:
    """What one address answers to GET, or to a form that is sent to it.

    The operator has named the address `named`: its origin may be anywhere, and every other one is
    of the public network only. Raises `UnreachableError`, also for an address that is not public
    and an answer that is not whole in time, `UpstreamError` for one with too many bytes, and
    `InvalidError` for an address that is none.
    """
    asked = Asked()
    if form is not None:
        headers = {"content-type": "application/x-www-form-urlencoded", **form.headers}
        asked = Asked("POST", headers, form.content.encode())
    address = Address.read(url)
    try:
        return await exchange(Network(Address.read(named).origin), address, asked, bounds)
    except NotPublicError as problem:
        host = address.origin.host
        raise UnreachableError(
            f"{host}: it is not a public address, nor the one named"
        ) from problem


async def _read(response: httpx.Response, most: int) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > most:
            raise over(str(response.url.host), most)
    return bytes(content)
