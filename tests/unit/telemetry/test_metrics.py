"""What is counted can be read by Prometheus, under names that do not change by accident."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from citewell.telemetry import metrics

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
NAMES = {
    "citewell_answer_cache",
    "citewell_http_requests",
    "citewell_http_request_seconds",
    "citewell_search_seconds",
    "citewell_runs",
    "citewell_jobs",
    "citewell_expired",
    "citewell_sockets",
    "citewell_projections",
    "citewell_projection_bytes",
    "citewell_projection_chunks",
}


def value(name: str, labels: dict[str, str]) -> float:
    body, _ = metrics.render()
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return 0.0


def test_every_name_is_rendered_in_the_format_that_is_announced() -> None:
    body, media_type = metrics.render()
    assert media_type.startswith("text/plain")
    families = {family.name for family in text_string_to_metric_families(body.decode())}
    ours = {name for name in families if name.startswith("citewell_")}
    assert {name for name in ours if not name.endswith("_created")} == NAMES


def test_every_metric_that_is_rendered_is_in_the_reference() -> None:
    body, _ = metrics.render()
    families = list(text_string_to_metric_families(body.decode()))
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families
        if family.name.startswith("citewell_") and not family.name.endswith("_created")
    }
    page = REFERENCE.read_text("utf-8")
    assert names
    assert {name for name in names if f"| `{name}` |" not in page} == set()


def test_a_request_is_counted_and_timed_under_its_route() -> None:
    labels = {"method": "GET", "route": "/api/v1/jobs/{id}"}
    before = value("citewell_http_requests_total", {**labels, "status": "200"})
    metrics.requests.labels(*labels.values(), "200").inc()
    metrics.request_seconds.labels(*labels.values()).observe(0.004)
    assert value("citewell_http_requests_total", {**labels, "status": "200"}) == before + 1
    assert value("citewell_http_request_seconds_bucket", {**labels, "le": "0.005"}) >= 1


def test_the_memory_of_the_process_is_among_them() -> None:
    assert value("process_resident_memory_bytes", {}) > 1e6
