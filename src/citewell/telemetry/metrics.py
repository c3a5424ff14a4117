"""What this process counts and times; every name is written here once.

Labels have few values: a route's pattern and never its path, no tenant, no user, no text.
"""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)

_REQUEST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SEARCH = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

requests = Counter(
    "citewell_http_requests", "Requests answered.", ("method", "route", "status"), registry=REGISTRY
)
request_seconds = Histogram(
    "citewell_http_request_seconds",
    "Time to answer a request.",
    ("method", "route"),
    buckets=_REQUEST,
    registry=REGISTRY,
)
search_seconds = Histogram(
    "citewell_search_seconds", "Time of a search.", ("stage",), buckets=_SEARCH, registry=REGISTRY
)
runs = Counter("citewell_runs", "Runs that ended.", ("outcome",), registry=REGISTRY)
answers_kept = Counter(
    "citewell_answer_cache",
    "Questions looked for among answers that are kept: hit, near, stale, miss, apart.",
    ("outcome",),
    registry=REGISTRY,
)
jobs = Gauge("citewell_jobs", "Jobs that are not finished.", ("state",), registry=REGISTRY)
expired = Counter(
    "citewell_expired", "Things removed when their time had come.", ("kind",), registry=REGISTRY
)
sockets = Gauge("citewell_sockets", "Open WebSocket connections.", registry=REGISTRY)
projections = Gauge("citewell_projections", "Projections in memory.", registry=REGISTRY)
projection_chunks = Gauge(
    "citewell_projection_chunks", "Chunks that projections hold.", registry=REGISTRY
)
projection_bytes = Gauge(
    "citewell_projection_bytes", "Memory that projections hold.", registry=REGISTRY
)


def render() -> tuple[bytes, str]:
    """Everything in Prometheus's text format, and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
