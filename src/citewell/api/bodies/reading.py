"""Bodies as they arrive: counted, and waited for only so long."""

import asyncio

from starlette.requests import Request

from citewell.domain.errors import TimedOutError, TooLargeError

BODY_BYTES = 1_000_000
BODY_SECONDS = 30.0


async def read_body(request: Request, limit: int) -> bytes:
    """The body, counted as it arrives whatever its length was said to be.

    Raises `TooLargeError` beyond `limit` bytes, `TimedOutError` after `BODY_SECONDS`.
    """
    check_length(request, limit)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > limit:
                    raise too_large(limit)
    except TimeoutError as error:
        raise TimedOutError(f"The body did not arrive within {BODY_SECONDS:g} seconds.") from error
    return bytes(body)


def check_length(request: Request, limit: int) -> None:
    """Raise `TooLargeError` when the announced length is over `limit` bytes."""
    announced = request.headers.get("content-length", "0")
    # Sixteen digits are more than any limit and fewer than it takes to be slow.
    if not announced.isdecimal() or len(announced) > 16 or int(announced) > limit:
        raise too_large(limit)


def too_large(limit: int) -> TooLargeError:
    """The error for a body over `limit` bytes."""
    return TooLargeError(f"The body is larger than {limit:,} bytes.", hint="Send less at once.")
