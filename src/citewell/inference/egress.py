"""The only place where requests to other servers begin: bounded in time and size, no surprises."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import httpx

from citewell.domain.errors import InvalidError, UpstreamError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
MAX_RESPONSE_BYTES = 64 * 1024 * 1024
MAX_CONNECTIONS = 16


class UnreachableError(Exception):
    """No answer came: refused, broken off, or too slow. Asking again may help."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, whatever its status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one exchange may take: seconds from its start to its end, and bytes."""

    seconds: float
    size: int


@dataclass(frozen=True, slots=True)
class Form:
    """A form to send, as `application/x-www-form-urlencoded` text; it may hold secrets."""

    content: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def open_client(base_url: str, *, api_key: str | None = None) -> httpx.AsyncClient:
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
        base_url=_address(base_url),
        headers=headers,
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
        follow_redirects=False,
        trust_env=False,
        verify=_believed(),
    )


async def post_json(client: httpx.AsyncClient, path: str, body: bytes) -> Reply:
    """Sends JSON and reads the whole answer.

    Raises `UnreachableError` if none comes, `UpstreamError` if it is over the limit of bytes.
    """
    headers = {"content-type": "application/json"}
    request = client.build_request("POST", path, content=body, headers=headers)
    return await _exchange(client, request, MAX_RESPONSE_BYTES)


async def fetch(url: str, bounds: Bounds, form: Form | None = None) -> Reply:
    """What one address answers to GET, or to a form that is sent to it.

    The connection is closed afterwards. Raises as `post_json`, also for an answer that is not
    whole in time, and `InvalidError` for an address that is none.
    """
    headers = {"content-type": "application/x-www-form-urlencoded", **form.headers} if form else {}
    # The first one reads the certificates, which takes longer than the loop may be held up.
    client = await asyncio.to_thread(open_client, url)
    method, content = ("POST", form.content) if form else ("GET", None)
    try:
        async with asyncio.timeout(bounds.seconds), client:
            request = client.build_request(method, url, content=content, headers=headers)
            return await _exchange(client, request, bounds.size)
    except TimeoutError as problem:
        cause = f"no whole answer within {bounds.seconds:g} s"
        raise UnreachableError(f"{client.base_url.host}: {cause}") from problem


async def _exchange(client: httpx.AsyncClient, request: httpx.Request, most: int) -> Reply:
    try:
        response = await client.send(request, stream=True)
        try:
            content = await _read(response, most)
        finally:
            await response.aclose()
    except (httpx.TransportError, httpx.DecodingError) as problem:
        cause = str(problem) or type(problem).__name__
        raise UnreachableError(f"{client.base_url.host}: {cause}") from problem
    named = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, named, content)


async def _read(response: httpx.Response, most: int) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > most:
            raise UpstreamError(
                f"{response.url.host} answered with more than {_size(most)}.",
                hint="Check that the address is that of the server that is meant.",
            )
    return bytes(content)


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} kB"


@cache
def _believed() -> ssl.SSLContext:
    """The certificates that are believed; reading them takes a few hundredths of a second."""
    return httpx.create_ssl_context(trust_env=False)


def _address(base_url: str) -> httpx.URL:
    hint = "Write it as https://host/v1, without user name or password."
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as problem:
        raise InvalidError(f"The address cannot be read: {problem}", hint=hint) from problem
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise InvalidError("The address is not a plain http or https one.", hint=hint)
    return url
