"""Lines of a library that quote what others have sent are in no log."""

import logging

import mcp.client.streamable_http
import mcp.shared.session
import pytest

from citewell.telemetry.logs import _is_no_quotation


def record(path: str) -> logging.LogRecord:
    # The library says some of it as the root logger: its name tells nothing.
    return logging.LogRecord("root", logging.WARNING, path, 1, "Message was: secret", (), None)


@pytest.mark.parametrize("module", [mcp.shared.session, mcp.client.streamable_http])
def test_what_a_server_of_tools_has_sent_is_not_written(module: object) -> None:
    assert not _is_no_quotation(record(str(getattr(module, "__file__", ""))))


def test_what_other_libraries_say_is_written() -> None:
    assert _is_no_quotation(record(logging.__file__))
