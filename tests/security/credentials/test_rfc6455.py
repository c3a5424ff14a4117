"""RFC 6455 over a raw socket against a real server: what it takes, answers, and refuses.

The cases follow the groups of the Autobahn suite: 1 framing, 2 pings and pongs, 3 reserved bits,
4 opcodes, 5 fragmentation, 6 UTF-8, 7 closing, 9 sizes. Our server is no echo: a text is a command,
and `{"op": "ping", "id": …}` comes back as a pong with the same `id`, which is what shows that a
message arrived whole. What is no text is closed with 1003, as RFC 6455 (7.4.1) has it for that.
"""

import asyncio
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Counted
from tests.journeys.conftest import Server
from tests.security.credentials.test_sockets import (
    CLOSE,
    CONTINUES,
    PING,
    PONG,
    SECONDS,
    TEXT,
    Peer,
    frame,
    peer,
)

BINARY = 2
MOST = 64 * 1024
BEYOND_BUFFERS = 1024 * 1024
NORMAL, PROTOCOL, NOT_TEXT, NOT_UTF8, TOO_BIG = 1000, 1002, 1003, 1007, 1009


def said(name: str = "x", size: int = 0) -> bytes:
    """A message that is answered with its `name`, in so many bytes."""
    command = json.dumps({"op": "ping", "id": name}, ensure_ascii=False).encode()
    return command + b" " * (size - len(command))


def raw(first: int, payload: bytes = b"", *, masked: bool = True) -> bytes:
    """A frame with any first byte; a client's has a mask."""
    if not masked:
        return bytes([first, len(payload)]) + payload
    return bytes([first]) + frame(0, payload)[1:]


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


@dataclass(frozen=True, slots=True)
class Case:
    """Frames, and what the server must say to them, in order.

    `answers` are payloads of pongs (bytes) and names of answered messages (str). `code` is that of
    the server's close frame: 1005 for one without a code, None when the connection stays open.
    In `pieces` of so many bytes the frames are sent. What was sent in one breath before an end may
    go unanswered (`is_strict` false): the end is read before the answer is made.
    """

    name: str
    frames: Sequence[bytes]
    answers: Sequence[bytes | str] = ()
    code: int | None = None
    pieces: int = 0
    is_strict: bool = True


def framing() -> Iterator[Case]:
    for size in (0, 125, 126, 127, 128, 65_535, MOST):
        yield Case(f"text of {size}", [frame(TEXT, said("x", size))], ["x"])
        yield Case(f"binary of {size}", [frame(BINARY, bytes(size))], [], NOT_TEXT)
    for pieces in (1, 997, 4096):
        size = 200 if pieces == 1 else MOST
        yield Case(f"in pieces of {pieces}", [frame(TEXT, said("x", size))], ["x"], None, pieces)
    yield Case("no mask", [raw(0x81, said(), masked=False)], [], PROTOCOL)
    yield Case("an empty text", [frame(TEXT), frame(TEXT, said())], ["x"])


def pings() -> Iterator[Case]:
    for name, payload in (
        ("empty", b""),
        ("text", b"Hello, world!"),
        ("binary", bytes([0, 255, 254, 253])),
        ("of 125", b"\xfe" * 125),
    ):
        yield Case(f"ping {name}", [frame(PING, payload)], [payload])
    yield Case("ping of 126", [frame(PING, b"\xfe" * 126)], [], PROTOCOL)
    yield Case("ping in single bytes", [frame(PING, b"\xfe" * 125)], [b"\xfe" * 125], None, 1)
    yield Case("pong unasked", [frame(PONG), frame(TEXT, said())], ["x"])
    yield Case("pong unasked with payload", [frame(PONG, b"p"), frame(PING, b"q")], [b"q"])
    ten = [b"payload %d" % n for n in range(10)]
    yield Case("ten pings", [frame(PING, one) for one in ten], ten)
    yield Case("ten pings in single bytes", [frame(PING, one) for one in ten], ten, None, 1)


def reserved_bits() -> Iterator[Case]:
    for bits in range(1, 8):
        for kind, payload in ((TEXT, said()), (BINARY, b"x"), (PING, b"x"), (CLOSE, b"")):
            first = 0x80 | bits << 4 | kind
            yield Case(f"bits {bits:03b} on {kind}", [raw(first, payload)], [], PROTOCOL)
        after = [frame(TEXT, said()), raw(0x80 | bits << 4 | TEXT, said("y")), frame(PING)]
        yield Case(f"bits {bits:03b} after a text", after, ["x"], PROTOCOL, is_strict=False)


def opcodes() -> Iterator[Case]:
    for kind in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield Case(f"opcode {kind}", [frame(kind)], [], PROTOCOL)
        yield Case(f"opcode {kind} with payload", [frame(kind, b"reserved")], [], PROTOCOL)
        after = [frame(TEXT, said()), frame(kind, b"x"), frame(PING)]
        yield Case(f"opcode {kind} after a text", after, ["x"], PROTOCOL, is_strict=False)


def fragments() -> Iterator[Case]:
    whole = said("fragmented")
    first, last = frame(TEXT, whole[:9], fin=False), frame(CONTINUES, whole[9:])
    for kind in (PING, PONG, CLOSE):
        yield Case(f"fragmented control {kind}", [frame(kind, b"", fin=False)], [], PROTOCOL)
    yield Case("two fragments", [first, last], ["fragmented"])
    yield Case("two in single bytes", [first, last], ["fragmented"], None, 1)
    yield Case("ping between", [first, frame(PING, b"p"), last], [b"p", "fragmented"])
    yield Case("pong between", [first, frame(PONG, b"p"), last], ["fragmented"])
    empty = frame(CONTINUES, fin=False)
    yield Case("empty ones between", [first, empty, empty, last], ["fragmented"])
    all_empty = [frame(TEXT, fin=False), empty, frame(CONTINUES), frame(TEXT, said())]
    yield Case("only empty ones", all_empty, ["x"])
    bytewise = [frame(CONTINUES, whole[n : n + 1], fin=False) for n in range(1, len(whole) - 1)]
    begin, end = frame(TEXT, whole[:1], fin=False), frame(CONTINUES, whole[-1:])
    yield Case("a byte each", [begin, *bytewise, end], ["fragmented"])
    for fin in (True, False):
        alone = frame(CONTINUES, b"non-continuation", fin=fin)
        yield Case(f"continues nothing, fin {fin}", [alone, frame(TEXT, said())], [], PROTOCOL)
        after = [first, last, frame(CONTINUES, b"x", fin=fin)]
        yield Case(
            f"continues after the end, fin {fin}", after, ["fragmented"], PROTOCOL, is_strict=False
        )
        twice = [first, frame(TEXT, whole, fin=fin)]
        yield Case(f"a text inside of a text, fin {fin}", twice, [], PROTOCOL)
        other = [first, frame(BINARY, b"x", fin=fin)]
        yield Case(f"binary inside of a text, fin {fin}", other, [], PROTOCOL)
    halves = [frame(BINARY, b"x", fin=False), frame(CONTINUES, b"y")]
    yield Case("fragmented binary", halves, [], NOT_TEXT)
    # Nothing of a message may follow a close: one that has begun is broken off.
    closed = [first, frame(PING, b"p"), closing(NORMAL)]
    yield Case("closed in the middle", closed, [b"p"], PROTOCOL)


# Of Markus Kuhn's stress test and RFC 3629: overlong, truncated, surrogates, beyond U+10FFFF.
VALID = (
    "κόσμε", "Hello-µ@ßöäüàá-UTF-8!!", "\x7f", "\u0080", "\u07ff", "\u0800", "\uffff",
    "\U00010000", "\ud7ff", "\ue000", "\ufffd", "\U0010ffff", "\ufffe", "\U0001fffe", "𝒳😀",
)  # fmt: skip
INVALID = (
    "80", "bf", "80bf", "c0", "c080", "c0af", "c1bf", "c2", "e0", "e080", "e08080", "e080af",
    "e09fbf", "eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf", "eda080edb080",
    "f0", "f08080", "f0808080", "f08080af", "f08fbfbf", "f4908080", "f5", "f7bfbfbf", "f888808080",
    "fb", "fc8480808080", "fe", "ff", "feff", "cebae1bdb9cf83cebcceb5eda080656469746564",
    "cebae1bdb9cf83cebcceb5f4908080656469746564", "c3", "e282", "f09f98",
)  # fmt: skip


def utf8() -> Iterator[Case]:
    for text in VALID:
        whole = said(text)
        yield Case(f"valid {text!a}", [frame(TEXT, whole)], [text])
        for n in range(1, len(whole)):
            if whole[n] & 0xC0 == 0x80:
                split = [frame(TEXT, whole[:n], fin=False), frame(CONTINUES, whole[n:])]
                yield Case(f"valid {text!a} cut at {n}", split, [text])
        yield Case(f"valid {text!a} in single bytes", [frame(TEXT, whole)], [text], None, 1)
    for spelled in INVALID:
        broken = b'{"op": "ping", "id": "' + bytes.fromhex(spelled) + b'"}'
        yield Case(f"invalid {spelled}", [frame(TEXT, broken)], [], NOT_UTF8)
        at = 22 + len(bytes.fromhex(spelled)) // 2
        split = [frame(TEXT, broken[:at], fin=False), frame(CONTINUES, broken[at:])]
        yield Case(f"invalid {spelled} in fragments", split, [], NOT_UTF8)
    ended = frame(TEXT, b"\xce\xba\xe1\xbd")
    yield Case("ends inside of a character", [ended], [], NOT_UTF8)


def codes() -> Iterator[Case]:
    yield Case("close", [closing(NORMAL)], [], NORMAL)
    both = [frame(TEXT, said()), closing(NORMAL)]
    yield Case("close after a text", both, ["x"], NORMAL, is_strict=False)
    for name, later in (
        ("close", closing(NORMAL)),
        ("ping", frame(PING, b"late")),
        ("text", frame(TEXT, said("late"))),
    ):
        yield Case(f"{name} after a close", [closing(NORMAL), later], [], NORMAL)
    yield Case("close without a code", [frame(CLOSE)], [], 1005)
    yield Case("close with half a code", [frame(CLOSE, b"\x03")], [], PROTOCOL)
    yield Case("close with a reason", [closing(NORMAL, "ε".encode())], [], NORMAL)
    yield Case("the longest reason", [closing(NORMAL, b"x" * 123)], [], NORMAL)
    yield Case("too long a reason", [closing(NORMAL, b"x" * 124)], [], PROTOCOL)
    yield Case(
        "a reason that is not UTF-8", [closing(NORMAL, b"\xce\xba\xed\xa0\x80")], [], NOT_UTF8
    )
    valid = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    for code in valid:
        yield Case(f"close with {code}", [closing(code)], [], code)
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535):
        yield Case(f"close with {code}", [closing(code)], [], PROTOCOL)


def sizes() -> Iterator[Case]:
    whole = said("large", MOST)
    for size in (1024, 4096, 16_384, 65_535):
        parts = [whole[n : n + size] for n in range(0, MOST, size)]
        begin = frame(TEXT, parts[0], fin=False)
        middle = [frame(CONTINUES, one, fin=False) for one in parts[1:-1]]
        end = frame(CONTINUES, parts[-1])
        yield Case(f"64 kB in fragments of {size}", [begin, *middle, end], ["large"])
    for size in (64, 1024, 65_536):
        pieces = Case(f"64 kB in pieces of {size}", [frame(TEXT, whole)], ["large"], None, size)
        yield pieces
    yield Case("one byte more", [frame(TEXT, said("x", MOST + 1))], [], TOO_BIG)
    for size in (MOST * 2, 1024 * 1024):
        yield Case(f"{size} bytes", [frame(TEXT, said("x", size))], [], TOO_BIG)
    over = [frame(TEXT, bytes(40_000), fin=False), frame(CONTINUES, bytes(40_000))]
    yield Case("two fragments that are too large together", over, [], TOO_BIG)
    announced = bytes([0x81, 0x80 | 127]) + struct.pack("!Q", 2**63 - 1) + bytes(4)
    yield Case("a length of 2^63 - 1", [announced], [], TOO_BIG)
    many = [frame(TEXT, said(str(n))) for n in range(500)]
    yield Case("five hundred messages in one go", many, [str(n) for n in range(500)])


GROUPS = {
    "1 framing": framing, "2 pings and pongs": pings, "3 reserved bits": reserved_bits,
    "4 opcodes": opcodes, "5 fragmentation": fragments, "6 UTF-8": utf8, "7 closing": codes,
    "9 sizes": sizes,
}  # fmt: skip


async def run(case: Case, address: str, key: str) -> str:
    """What is wrong with the server's answers, empty when nothing is."""
    async with peer(address, key) as client:
        sent = b"".join(case.frames)
        step = case.pieces or len(sent)
        for start in range(0, len(sent), step):
            await client.send(sent[start : start + step])
        heard, code = await everything(client, len(case.answers), ends=case.code is not None)
        may_be_missing = not case.is_strict and not heard
        if heard != list(case.answers) and not may_be_missing:
            return f"answered {heard}, closed with {code}"
        if case.code is None:
            return "" if await client.pong() else "it does not go on"
        # More than the sockets hold is still on its way when the server has closed: then the
        # system resets the line, and may drop the code that came before.
        was_sending = case.code == TOO_BIG and len(sent) >= BEYOND_BUFFERS and code == 1006
        is_right = code == case.code or was_sending
        return "" if is_right else f"closed with {code}, not with {case.code}"


async def everything(
    client: Peer, most: int, *, ends: bool
) -> tuple[list[bytes | str], int | None]:
    """The payloads of pongs and names of answered messages, and the code of the close.

    Until there are as many as expected or, when it `ends`, until then: nothing may come beyond
    what is expected. 1005 is a close without a code, 1006 an end without a close.
    """
    heard: list[bytes | str] = []
    async with asyncio.timeout(SECONDS):
        while ends or len(heard) < most:
            try:
                kind, payload = await client.next_frame()
            except (asyncio.IncompleteReadError, ConnectionError):
                return heard, 1006
            if kind == CLOSE:
                return heard, struct.unpack("!H", payload[:2])[0] if payload else 1005
            if kind == PONG:
                heard.append(payload)
                continue
            told: dict[str, Any] = json.loads(payload)
            if "pong" in told:
                heard.append(str(told["id"]))
    return heard, None


@pytest.mark.parametrize("group", GROUPS)
async def test_frames_are_taken_answered_and_refused_as_the_standard_says(
    two: tuple[Server, Server], group: str, record_property: Counted
) -> None:
    _, server = two
    address = server.address.removeprefix("http://")
    cases = list(GROUPS[group]())
    failed = {}
    for case in cases:
        wrong = await run(case, address, server.key)
        if wrong:
            failed[case.name] = wrong
    record_property("cases", len(cases))
    record_property("failed", len(failed))
    assert failed == {}
    # A peer's mistake is no error of ours, and fills no log.
    assert server.unexpected() == []
    assert "Traceback" not in server.log.read_text("utf-8", "replace")
