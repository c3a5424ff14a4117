"""The only place where requests to other servers begin: bounded in time and size, no surprises."""

from collections.abc import Mapping
from dataclasses import dataclass

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
    )


async def post_json(client: httpx.AsyncClient, path: str, body: bytes) -> Reply:
    """Sends JSON and reads the whole answer.

    Raises `UnreachableError` if none comes, `UpstreamError` if it is over the limit of bytes.
    """
    headers = {"content-type": "application/json"}
    try:
        async with client.stream("POST", path, content=body, headers=headers) as response:
            content = await _read(response)
    except httpx.TransportError as problem:
        cause = str(problem) or type(problem).__name__
        raise UnreachableError(f"{client.base_url.host}: {cause}") from problem
    named = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, named, content)


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_RESPONSE_BYTES:
            raise UpstreamError(
                f"{response.url.host} answered with more than {MAX_RESPONSE_BYTES >> 20} MiB.",
                hint="Check that the address is that of a model server.",
            )
    return bytes(content)


def _address(base_url: str) -> httpx.URL:
    hint = "Write it as https://host/v1, without user name or password."
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as problem:
        raise InvalidError(f"The address cannot be read: {problem}", hint=hint) from problem
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise InvalidError("The address is not a plain http or https one.", hint=hint)
    return url
