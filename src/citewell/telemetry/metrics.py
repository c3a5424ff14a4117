"""Metrics: each named once, here."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

REGISTRY = CollectorRegistry()

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

requests = Counter(
    "citewell_http_requests", "Requests answered.", ("method", "route", "status"), registry=REGISTRY
)
request_seconds = Histogram(
    "citewell_http_request_seconds",
    "Time to answer a request.",
    ("method", "route"),
    buckets=_FAST,
    registry=REGISTRY,
)
search_seconds = Histogram(
    "citewell_search_seconds", "Time of a search.", ("stage",), buckets=_FAST, registry=REGISTRY
)
runs = Counter("citewell_runs", "Runs that ended.", ("outcome",), registry=REGISTRY)
chunks = Counter("citewell_chunks_embedded", "Chunks embedded and committed.", registry=REGISTRY)
jobs = Gauge("citewell_jobs", "Jobs that are not finished.", ("state",), registry=REGISTRY)
sockets = Gauge("citewell_sockets", "Open WebSocket connections.", registry=REGISTRY)


def render() -> tuple[bytes, str]:
    """Everything in Prometheus's text format, and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
