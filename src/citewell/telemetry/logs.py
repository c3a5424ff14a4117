"""Logs: one JSON object per line on a pipe, readable lines on a terminal; never a secret."""

import logging
import re
import sys
from typing import Any, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

_SECRET_FIELD = re.compile(r"key|token|password|secret|authorization|cookie|url$", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"(?:cw_|sk-|Bearer\s+)[A-Za-z0-9._~+/=-]{8,}|://[^/\s:@]+:[^/\s@]+@")


def configure(level: str) -> None:
    """Set up logging for this process; call once at the edge."""
    minimum = logging.getLevelName(level.upper())
    terminal = sys.stderr.isatty()
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(minimum, logging.WARNING), format="%(message)s", force=True)


def logger(name: str) -> FilteringBoundLogger:
    """A logger; the event is a constant name, everything else a field."""
    return cast(
        "FilteringBoundLogger", structlog.get_logger(room=name)
    )  # structlog's own lazy type


def bind(**fields: str) -> None:
    """Add fields to every line of this request or job."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**fields)


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hide what is secret by its field's name or by its look; keep every line a line."""
    for name, value in event.items():
        if _SECRET_FIELD.search(name):
            event[name] = "[hidden]"
        elif isinstance(value, str):
            event[name] = _SECRET_TEXT.sub("[hidden]", value)
    return event
