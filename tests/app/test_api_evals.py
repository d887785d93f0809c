"""The newest eval report over HTTP: none yet, one, and one that took its place."""

import json

import httpx

from aurora import Aurora
from evals.suites import LATEST
from evals.suites.report import as_json
from tests.evals.results import report


async def test_the_newest_report_is_given_as_it_is_kept_and_until_there_is_one_nothing(
    api: httpx.AsyncClient, aurora: Aurora
) -> None:
    file = aurora.settings.home / LATEST
    none = await api.get("/api/evals/latest")
    assert (none.status_code, none.headers["content-type"]) == (404, "application/problem+json")
    assert "aurora eval" in none.json()["detail"]
    file.parent.mkdir(parents=True)
    try:
        for quick in (True, False):
            kept = as_json(report(quick=quick))
            file.write_text(json.dumps(kept), encoding="utf-8")
            given = await api.get("/api/evals/latest")
            assert (given.status_code, given.json()) == (200, kept)
    finally:
        file.unlink()


async def test_the_example_of_the_description_has_the_fields_of_a_report(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    answer = document["paths"]["/api/evals/latest"]["get"]["responses"]["200"]["content"]["application/json"]
    kept = as_json(report())
    assert set(answer["example"]) == set(kept)
    assert set(answer["example"]["suites"][0]) == set(kept["suites"][0])
