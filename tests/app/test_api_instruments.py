"""What AURORA tells of itself, and what it keeps to itself when something breaks."""

import logging
import re
from collections.abc import Callable

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families


async def scraped(api: httpx.AsyncClient) -> dict[str, list[tuple[dict[str, str], float]]]:
    answer = await api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(answer.text)
    }


async def test_the_counters_are_labelled_by_route_and_never_by_name(serve: Callable[..., httpx.AsyncClient]) -> None:
    async with serve() as api:
        await api.get("/api/decisions/dec_secret")
        await api.get("/api/models/secret-model")
        await api.get("/secret-path")
        await api.request("SECRET", "/api/mode")
        await api.post("/api/analyze?dry_run=true", json={"model_name": "secret", "model_metrics": {"accuracy": 0.9}})
        text = (await api.get("/metrics")).text
        found = await scraped(api)
    assert "secret" not in text.lower()
    routes = {(labels["method"], labels["route"], labels["status"]) for labels, _ in found["aurora_http_requests"]}
    assert ("GET", "/api/decisions/{id}", "404") in routes
    assert ("GET", "/api/models/{name}", "404") in routes
    assert ("GET", "none", "404") in routes
    assert ("other", "/api/mode", "405") in routes


async def test_decisions_analyses_under_way_and_components_are_counted(serve: Callable[..., httpx.AsyncClient]) -> None:
    async with serve() as api:
        await api.post("/api/analyze?dry_run=true", json={"model_metrics": {"accuracy": 0.9}})
        found = await scraped(api)
    assert sum(value for _, value in found["aurora_decisions"]) >= 1
    assert found["aurora_analyses_in_flight"] == [({}, 0.0)]
    assert ({"component": "database"}, 1.0) in found["aurora_component_health"]


async def test_what_nobody_expected_is_an_incident_that_the_log_explains(
    serve: Callable[..., httpx.AsyncClient], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(decision_id: str) -> dict[str, object]:
        raise RuntimeError("/etc/secret is not readable")

    async with serve(record=broken) as api:
        with caplog.at_level(logging.ERROR, logger="app.instruments"):
            answer = await api.get("/api/decisions/dec_1")
    problem = answer.json()
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert re.fullmatch(r"[0-9a-f]{12}", problem["incident"])
    assert problem["incident"] in caplog.text
    assert "/etc/secret" in caplog.text
