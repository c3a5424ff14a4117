"""Private and special addresses in every way of writing that some reader understands."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

PRIVATE_4 = (
    "127.0.0.1", "127.123.123.123", "0.0.0.0", "10.0.0.5", "169.254.169.254", "192.168.1.1",
    "172.16.3.4", "100.64.0.1", "198.18.0.1", "192.0.0.8", "168.63.129.16", "224.0.0.1",
    "240.0.0.1", "255.255.255.255",
)  # fmt: skip
PRIVATE_6 = (
    "::1", "::", "0:0:0:0:0:0:0:1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
    "2001:db8::1", "2001:10::1", "3fff::1", "100::1", "5f00::1", "4000::1",
)  # fmt: skip
NAMES = ("localhost", "LOCALHOST", "localhost.", "a.localhost", "ip6-localhost")
WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")
CIRCLED = str.maketrans("0123456789.", "⓪①②③④⑤⑥⑦⑧⑨。")


def hosts() -> Iterator[str]:
    """As the host of a URL."""
    for text in PRIVATE_4:
        yield from _of_4(text)
    for text in PRIVATE_6:
        yield f"[{text}]"
        yield f"[{IPv6Address(text).exploded.upper()}]"
        yield from (f"[{text}%25eth0]", f"[{text}%eth0]", f"[{text}%251]")
    yield from NAMES


def _of_4(text: str) -> Iterator[str]:
    number = int(IPv4Address(text))
    parts = text.split(".")
    a, b, c, d = map(int, parts)
    yield from (text, f"{text}.", str(number), hex(number), f"0x{number:X}", f"0{number:o}")
    yield from (f"{a}.{(b << 16) + (c << 8) + d}", f"{a}.{b}.{(c << 8) + d}", f"{number}.")
    yield ".".join(hex(int(one)) for one in parts)
    yield ".".join(f"0{int(one):o}" for one in parts)
    yield ".".join(f"{int(one):08o}" for one in parts)
    yield f"{a}.{b:#x}.0{c:o}.{d}"
    yield str(number + (1 << 32))
    yield from (text.translate(WIDE), text.translate(CIRCLED), text.replace(".", "。"))
    yield "".join(f"%{ord(one):02x}" for one in text)
    yield from (
        f"{text}%00.good.example",
        f"{text}%2f.good.example",
        f"\u200b{text}",
        f"{text}\u00ad",
    )
    mapped = f"{number >> 16:x}:{number & 0xFFFF:x}"
    yield from (f"[::ffff:{text}]", f"[::ffff:{mapped}]", f"[::{text}]", f"[::ffff:0:{text}]")
    yield from (f"[64:ff9b::{text}]", f"[64:ff9b:1::{text}]", f"[2002:{mapped}::1]")
    away = number ^ 0xFFFFFFFF
    yield f"[2001:0:{mapped}:0:0:{away >> 16:x}:{away & 0xFFFF:x}]"


def urls() -> Iterator[str]:
    """With the host in every place where a reader may look for one."""
    for host in hosts():
        for scheme in ("http", "https"):
            for port in ("", ":80", ":443", ":0", ":22", ":6379", ":080", ":65616"):
                yield f"{scheme}://{host}{port}/latest/meta-data"
        yield from (
            f"http://good.example@{host}/",
            f"http://good.example:80@{host}/",
            f"http://good.example%2f@{host}/",
            f"http://{host}\\@good.example/",
            f"http://good.example\\@{host}/",
            f"http:\\\\{host}\\",
            f"http:/{host}/",
            f"http:{host}/",
            f"///{host}/",
            f"//{host}/",
            f"http://\t{host}/",
            f"http://\r\n{host}/",
            f" http://{host}/",
            f"http://{host}\x00.good.example/",
            f"http://good.example\r\nHost: {host}/",
            f"gopher://{host}:6379/_x",
            f"ftp://{host}/",
            f"jar:http://{host}!/",
            f"HTTP://{host}",
        )
