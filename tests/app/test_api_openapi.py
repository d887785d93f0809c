"""The description of the API: complete, true, and readable without a network."""

from typing import Any

import httpx
import pytest

CONTRACT = [
    ("get", "/health"),
    ("post", "/api/analyze"),
    ("post", "/api/metrics"),
    ("get", "/api/decisions"),
    ("get", "/api/decisions/{id}"),
    ("post", "/api/decisions/{id}/outcome"),
    ("post", "/api/decisions/{id}/undo"),
    ("get", "/api/evals/latest"),
    ("get", "/api/mode"),
    ("put", "/api/mode"),
    ("get", "/api/models/{name}/metrics"),
    ("post", "/api/memory"),
    ("post", "/api/memory/search"),
    ("get", "/api/approvals"),
    ("post", "/api/approvals/{id}"),
    ("post", "/api/chat"),
    ("get", "/api/models"),
    ("get", "/api/models/{name}"),
    ("put", "/api/models/{name}"),
    ("get", "/metrics"),
]
IDS = {"{id}": "dec_none", "{name}": "openapi-example"}


@pytest.fixture
async def document(api: httpx.AsyncClient) -> Any:
    return (await api.get("/openapi.json")).json()


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [(method, path, one) for path, found in document["paths"].items() for method, one in found.items()]


async def test_every_call_of_the_contract_is_described(document: Any) -> None:
    assert document["info"]["title"] == "AURORA"
    assert {(method, path) for method, path, _ in operations(document)} == set(CONTRACT)


async def test_every_call_has_a_sentence_a_tag_an_example_and_its_problems(document: Any) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for method, path, one in operations(document):
        assert one["description"], path
        assert set(one["tags"]) <= tags
        answers = [answer for status, answer in one["responses"].items() if status < "300"]
        assert any("example" in content for answer in answers for content in answer["content"].values()), (method, path)
        assert all("schema" in content for answer in answers for content in answer["content"].values()), (method, path)
        problems = [answer for status, answer in one["responses"].items() if status >= "400"]
        assert problems
        assert all(list(problem["content"]) == ["application/problem+json"] for problem in problems)
        if method in ("post", "put"):
            assert one["requestBody"]["content"]["application/json"]["examples"], path


async def test_the_examples_of_what_is_sent_are_taken(document: Any, api: httpx.AsyncClient) -> None:
    sent = 0
    for method, path, one in operations(document):
        for example in (
            one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {}).values()
        ):
            url = path.replace("{id}", IDS["{id}"]).replace("{name}", IDS["{name}"])
            answer = await api.request(
                method, f"{url}?dry_run=true" if "analyze" in url else url, json=example["value"]
            )
            assert answer.status_code in (200, 201, 202) or ("{id}" in path and answer.status_code == 404), answer.text
            sent += 1
    await api.put("/api/mode", json={"mode": "autonomous"})
    assert sent >= 12


async def test_the_examples_of_answers_hold_what_an_answer_holds(document: Any, api: httpx.AsyncClient) -> None:
    made = (await api.post("/api/analyze?dry_run=true", json={"model_metrics": {"accuracy": 0.9}})).json()
    described = document["paths"]["/api/analyze"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    assert set(described) == set(made)
    record = (await api.get(f"/api/decisions/{made['decision_id']}")).json()
    described = document["paths"]["/api/decisions/{id}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert set(described["example"]) == set(record)


async def test_keys_are_described_only_where_keys_are_required(document: Any, locked_api: httpx.AsyncClient) -> None:
    assert "securitySchemes" not in document["components"]
    locked = (await locked_api.get("/openapi.json")).json()
    assert set(locked["components"]["securitySchemes"]) == {"bearer", "key"}
    assert locked["paths"]["/health"]["get"]["security"] == []
    assert locked["paths"]["/api/mode"]["put"]["security"] == [{"bearer": []}, {"key": []}]
    assert "401" in locked["paths"]["/api/mode"]["put"]["responses"]


async def test_every_post_takes_an_idempotency_key(document: Any) -> None:
    for method, path, one in operations(document):
        names = [parameter["name"] for parameter in one.get("parameters", [])]
        assert ("Idempotency-Key" in names) == (method == "post"), path


async def test_the_page_needs_no_network_and_no_script(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    for _, path in CONTRACT:
        assert f"<code>{path}</code>" in page.text
