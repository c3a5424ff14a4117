"""The page of the metrics, from the registry that `/metrics` is rendered from."""

from collections.abc import Iterator

from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from citewell.telemetry import metrics

INTRODUCTION = """# Metrics

`GET /metrics` answers in Prometheus's text format: to this machine itself without a credential, to
others with a key that has the scope `admin`. The numbers are those of the process that answers.
Labels have few values: a route is its pattern and never its path; no tenant, user or text is named.
A histogram named `x` is read as `x_bucket`, `x_sum` and `x_count`.
"""
PROCESS = """
`process_*` tell of the process itself, as everywhere with Prometheus: memory, processor time, open
files and the time of its start.
"""


def declared() -> Iterator[MetricWrapperBase]:
    """Every metric that the code names, in its order."""
    return (one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase))


def page() -> str:
    """The whole page."""
    lines = [INTRODUCTION, "| name | kind | labels | what it says |", "|---|---|---|---|"]
    lines += [_row(one) for one in declared()]
    return "\n".join(lines) + "\n" + PROCESS


def _row(metric: MetricWrapperBase) -> str:
    (family,) = metric.describe()
    name = family.name + ("_total" if isinstance(metric, Counter) else "")
    labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "–"  # noqa: SLF001 - the library tells them nowhere else
    return f"| `{name}` | {family.type} | {labels} | {family.documentation} |"
