"""Nothing asks another server but the room that judges where requests go (S6)."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.test_habits import MODULES, named, parsed

ROOM = "inference/egress/"
# Modules with a client of HTTP, or of something that carries it.
CLIENTS = {
    "aiohttp", "ftplib", "http.client", "httpcore", "httpcore2", "httplib2", "httpx", "httpx2",
    "poplib", "pycurl", "requests", "smtplib", "telnetlib", "urllib.request", "urllib3",
    "websockets.client", "websockets.sync.client", "websockets.asyncio.client", "xmlrpc.client",
}  # fmt: skip
# Functions and classes that connect by themselves.
CALLS = {
    "create_connection", "open_connection", "getaddrinfo", "gethostbyname", "urlopen",
    "PyJWKClient", "OAuth2Client", "AsyncOAuth2Client", "connect_tcp",
}  # fmt: skip
# The command line talks to its own server; it sits where its user sits.
OWN_SERVER = {
    "cli/adding.py", "cli/client.py", "cli/conversing/following.py", "cli/running/announcing.py",
    "cli/tenancy/calling.py",
}  # fmt: skip


def ways_out(tree: ast.Module) -> Iterator[str]:
    """Every client that a module imports, every connection that it makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in CLIENTS)
        elif isinstance(node, ast.ImportFrom):
            whole = {node.module or "", *(f"{node.module}.{one.name}" for one in node.names)}
            yield from sorted(whole & CLIENTS)
            yield from (one.name for one in node.names if one.name in CALLS)
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            yield node.attr


def test_no_module_outside_the_room_asks_another_server() -> None:
    found = {
        name: list(ways_out(parsed(path)))
        for path in MODULES
        if not (name := named(path)).startswith(ROOM)
    }
    assert {name for name, ways in found.items() if ways} == OWN_SERVER
    inside = [path for path in MODULES if named(path).startswith(ROOM)]
    assert {way for path in inside for way in ways_out(parsed(path))} == {
        "httpx",
        "httpx2",
        "httpcore",
        "getaddrinfo",
        "connect_tcp",
    }


@pytest.mark.parametrize(
    "source",
    [
        "import requests",
        "import urllib.request",
        "from urllib import request",
        "from http import client as c",
        "def f():\n    import httpx",
        "import socket\nsocket.create_connection(('x', 80))",
        "from asyncio import open_connection",
        "from jwt import PyJWKClient",
    ],
)
def test_a_way_out_is_seen(source: str) -> None:
    assert list(ways_out(ast.parse(source)))
