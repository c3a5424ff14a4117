"""A real server of tools, and those who speak with it."""

from collections.abc import Iterator

import pytest

from citewell.domain.tools.servers import Place
from citewell.inference.egress.addresses import Address
from citewell.inference.egress.tool_servers import Reach
from citewell.inference.mcp.service import ToolServers
from tests.contract.mcp_server import McpTestServer, mcp_server

TOKEN = "own-token-of-the-server"
PATIENCE = 20.0


def reaching(*urls: str, seconds: float = PATIENCE, most: int = 2 << 20) -> ToolServers:
    """Where the operator has named the origins of these addresses."""
    origins = frozenset(Address.read(url).origin for url in urls)
    return ToolServers(Reach(origins), seconds=seconds, most=most)


@pytest.fixture(params=["stream", "json"])
def tools(request: pytest.FixtureRequest) -> Iterator[McpTestServer]:
    """Both ways in which a server may answer."""
    with mcp_server(json_response=request.param == "json") as running:
        yield running


@pytest.fixture
def place(tools: McpTestServer) -> Place:
    return Place("machine", tools.url, secret=TOKEN)


@pytest.fixture
def servers(tools: McpTestServer) -> ToolServers:
    return reaching(tools.url)
