"""The calls of the contract, as another program makes them, on a whole AURORA."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from aurora import Aurora
from aurora.domain import MetricPoint, Telemetry

FAILING: dict[str, Any] = {
    "model_metrics": {"accuracy": 0.72, "latency_ms": 650},
    "data_drift": {"detected": True, "score": 0.65},
}


def name(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


async def asked(api: httpx.AsyncClient, model: str) -> dict[str, Any]:
    """A decision that waits for a person."""
    settings = {"mode": "ask", "cooldown_minutes": 0, "verify_minutes": 0.01}
    assert (await api.put(f"/api/models/{model}", json=settings)).status_code == 200
    answer = await api.post("/api/analyze", json={"model_name": model, **FAILING})
    found: dict[str, Any] = answer.json()
    assert (answer.status_code, found["status"]) == (200, "awaiting_approval"), found
    return found


# --- analyze ---------------------------------------------------------------------------------------------------------


async def test_failing_telemetry_is_answered_with_an_executed_retrain(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/analyze", json={"model_name": name("scorer"), **FAILING})
    decision = answer.json()
    assert answer.status_code == 200
    assert decision["status"] == "executed"
    assert decision["planner_decision"]["decision_type"] == "retrain"
    assert decision["critic_decision"]["approved"]
    assert decision["execution_result"]["context"]["training_job_id"]
    assert decision["simulated"]


async def test_a_dry_run_only_proposes(api: httpx.AsyncClient) -> None:
    decision = (await api.post("/api/analyze?dry_run=true", json=FAILING)).json()
    assert (decision["status"], decision["execution_result"]) == ("proposed", None)
    assert decision["planner_decision"]["decision_type"] == "retrain"


async def test_the_same_key_gives_the_same_decision(api: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first, second = await asyncio.gather(
        *(api.post("/api/analyze?dry_run=true", json=FAILING, headers=key) for _ in "ab")
    )
    third = await api.post("/api/analyze?dry_run=true", json=FAILING, headers=key)
    assert first.json() == second.json() == third.json()
    assert third.headers["idempotent-replayed"] == "true"
    other = await api.post("/api/analyze?dry_run=true", json={**FAILING, "notes": "x"}, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:aurora:problem:idempotency-mismatch")


async def test_an_answer_that_was_lost_in_a_crash_is_the_same_decision_again(
    api: httpx.AsyncClient, aurora: Aurora
) -> None:
    key = uuid.uuid4().hex
    first = await api.post("/api/analyze?dry_run=true", json=FAILING, headers={"Idempotency-Key": key})
    aurora.ledger.replies.forget(key, "local")
    again = await api.post("/api/analyze?dry_run=true", json=FAILING, headers={"Idempotency-Key": key})
    assert "idempotent-replayed" not in again.headers
    assert again.json() == first.json()


async def test_health_answers_while_an_analysis_runs(api: httpx.AsyncClient) -> None:
    analysis = asyncio.create_task(api.post("/api/analyze?dry_run=true", json=FAILING))
    assert (await api.get("/health")).status_code == 200
    assert (await analysis).status_code == 200


# --- decisions -------------------------------------------------------------------------------------------------------


async def test_a_decision_can_be_read_whole(api: httpx.AsyncClient) -> None:
    telemetry = {"model_name": name("read"), **FAILING}
    made = (await api.post("/api/analyze?dry_run=true", json=telemetry)).json()
    record = (await api.get(f"/api/decisions/{made['decision_id']}")).json()
    assert Telemetry.model_validate(record["telemetry"]) == Telemetry.model_validate(telemetry)
    assert {"observe", "plan", "critique", "rule"} <= set(record["steps"])
    assert record["planner_decision"] == made["planner_decision"]


async def test_decisions_are_paged_newest_first_without_loss_or_repetition(api: httpx.AsyncClient) -> None:
    model = name("paged")
    posts = [await api.post("/api/analyze?dry_run=true", json={"model_name": model, **FAILING}) for _ in range(5)]
    made = [post.json()["decision_id"] for post in posts]
    found: list[str] = []
    query = {"model_name": model, "limit": "2"}
    for _ in range(3):
        page = (await api.get("/api/decisions", params=query)).json()
        found += [item["decision_id"] for item in page["items"]]
        query["before"] = page["next"] or ""
    assert found == made[::-1]
    assert query["before"] == ""


async def test_decisions_are_found_by_their_status(api: httpx.AsyncClient) -> None:
    model = name("status")
    await api.post("/api/analyze?dry_run=true", json={"model_name": model, **FAILING})
    for status, count in (("proposed", 1), ("failed", 0)):
        items = (await api.get("/api/decisions", params={"model_name": model, "status": status})).json()["items"]
        assert [item["status"] for item in items] == [status] * count


async def test_an_outcome_of_what_was_not_executed_is_a_conflict(api: httpx.AsyncClient) -> None:
    made = (await api.post("/api/analyze?dry_run=true", json=FAILING)).json()["decision_id"]
    assert (await api.post(f"/api/decisions/{made}/outcome", json={"success": True})).status_code == 409
    assert (await api.post(f"/api/decisions/{made}/undo", json={"reason": "x"})).status_code == 409


async def test_an_outcome_is_kept_with_who_said_so(api: httpx.AsyncClient) -> None:
    made = (await api.post("/api/analyze", json={"model_name": name("outcome"), **FAILING})).json()
    report = {"success": True, "metrics": {"accuracy": 0.9}, "note": "Hold-out."}
    answer = await api.post(f"/api/decisions/{made['decision_id']}/outcome", json=report)
    assert answer.status_code == 200, answer.text
    kept = (await api.get(f"/api/decisions/{made['decision_id']}")).json()["outcomes"]
    assert [(one["by"], one["report"]) for one in kept] == [("local", report)]


async def test_an_action_is_taken_back_once_in_the_name_of_who_asked(api: httpx.AsyncClient) -> None:
    made = (await api.post("/api/analyze", json={"model_name": name("undo"), **FAILING})).json()
    assert made["status"] == "executed", made
    path = f"/api/decisions/{made['decision_id']}/undo"
    answer = await api.post(path, json={"reason": "One country is answered badly."})
    assert (answer.status_code, answer.json()["outcome"]) == (200, "undone"), answer.text
    assert (await api.post(path, json={"reason": "Again."})).status_code == 409


# --- approvals -------------------------------------------------------------------------------------------------------


async def test_an_approval_is_settled_once_by_a_named_person(api: httpx.AsyncClient) -> None:
    made = await asked(api, name("approve"))
    waiting = (await api.get("/api/approvals")).json()["items"]
    assert made["approval_id"] in [one["id"] for one in waiting]
    path = f"/api/approvals/{made['approval_id']}"
    answer = await api.post(path, json={"decision": "approve", "by": "Vera", "reason": "Go."})
    assert (answer.status_code, answer.json()["status"]) == (200, "executed"), answer.text
    again = await api.post(path, json={"decision": "reject"})
    assert again.status_code == 409
    kept = (await api.get(f"/api/decisions/{made['decision_id']}")).json()["approvals"][0]
    assert (kept["status"], kept["by"], kept["authenticated"]) == ("approved", "Vera", False)


async def test_of_two_answers_at_once_one_wins_and_the_other_is_a_conflict(api: httpx.AsyncClient) -> None:
    made = await asked(api, name("race"))
    answers = [{"decision": "approve", "by": "Vera"}, {"decision": "reject", "by": "Otto"}]
    both = await asyncio.gather(*(api.post(f"/api/approvals/{made['approval_id']}", json=one) for one in answers))
    assert sorted(answer.status_code for answer in both) == [200, 409]
    conflict = next(answer for answer in both if answer.status_code == 409)
    assert conflict.headers["content-type"] == "application/problem+json"


async def test_an_approval_sent_twice_under_one_key_is_settled_once_and_answered_twice(api: httpx.AsyncClient) -> None:
    made, key = await asked(api, name("twice")), {"Idempotency-Key": uuid.uuid4().hex}
    path = f"/api/approvals/{made['approval_id']}"
    first, second = [await api.post(path, json={"decision": "reject"}, headers=key) for _ in "ab"]
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()


async def test_a_rejection_ends_the_decision(api: httpx.AsyncClient) -> None:
    made = await asked(api, name("reject"))
    answer = await api.post(f"/api/approvals/{made['approval_id']}", json={"decision": "reject"})
    assert (answer.json()["status"], answer.json()["ending"]) == ("rejected", "human_rejected")


async def test_an_edit_that_the_tool_would_refuse_leaves_the_question_open(api: httpx.AsyncClient) -> None:
    made = await asked(api, name("edit"))
    edit = {"decision": "edit", "action": {"parameters": {"no_such": 1}}}
    refused = await api.post(f"/api/approvals/{made['approval_id']}", json=edit)
    assert refused.status_code == 422
    assert refused.json()["errors"]
    assert made["approval_id"] in [one["id"] for one in (await api.get("/api/approvals")).json()["items"]]


async def test_with_keys_the_owner_is_recorded_as_the_person(
    api: httpx.AsyncClient, locked_api: httpx.AsyncClient, bearer: dict[str, dict[str, str]]
) -> None:
    made = await asked(api, name("owner"))
    path = f"/api/approvals/{made['approval_id']}"
    answer = await locked_api.post(path, json={"decision": "reject"}, headers=bearer["approver"])
    assert answer.status_code == 200
    kept = (await api.get(f"/api/decisions/{made['decision_id']}")).json()["approvals"][0]
    assert (kept["by"], kept["authenticated"]) == ("anna", True)


# --- models and their history ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", ["plain", "team/fraud", "größe", "a b", "100%", "a%2Fb", "x/metrics", "?#&", "模型"])
async def test_a_model_may_be_called_anything_printable(api: httpx.AsyncClient, stem: str) -> None:
    from urllib.parse import quote

    model = f"{uuid.uuid4().hex[:8]}-{stem}"
    path = f"/api/models/{quote(model, safe='')}"
    assert (await api.get(path)).status_code == 404
    put = await api.put(path, json={"accuracy_floor": 0.6})
    assert (put.status_code, put.json()["name"]) == (200, model)
    assert (await api.get(path)).json()["settings"]["accuracy_floor"] == 0.6
    assert (await api.post("/api/metrics", json={"model_name": model, "accuracy": 0.5})).status_code == 202
    series = (await api.get(f"{path}/metrics")).json()
    assert series["model_name"] == model
    found = (await api.get(path)).json()
    assert (found["health"], found["last_metrics"]["accuracy"]) == ("breaching", 0.5)


async def test_slashes_of_a_name_may_also_be_sent_as_they_are(api: httpx.AsyncClient) -> None:
    model = name("team/fraud")
    await api.put(f"/api/models/{model}", json={})
    assert (await api.get(f"/api/models/{model}")).json()["name"] == model
    assert (await api.get(f"/api/models/{model}/metrics")).json()["model_name"] == model


async def test_models_are_paged_by_name_and_searched(api: httpx.AsyncClient) -> None:
    stem = uuid.uuid4().hex
    for letter in "cab":
        await api.put(f"/api/models/{stem}-{letter}", json={})
    first = (await api.get("/api/models", params={"q": stem, "limit": 2})).json()
    rest = (await api.get("/api/models", params={"q": stem, "limit": 2, "after": first["next"]})).json()
    assert [one["name"][-1] for one in [*first["items"], *rest["items"]]] == ["a", "b", "c"]
    assert rest["next"] is None


async def test_models_are_listed_by_their_very_names(api: httpx.AsyncClient) -> None:
    one, other, more = (name(stem) for stem in ("b, c", "a&name=x", "a"))
    for model in (one, other, more):
        await api.post("/api/metrics", json={"model_name": model, "accuracy": 0.9})
    found = (await api.get("/api/models", params={"name": [one, other, one, "nobody"]})).json()
    assert [model["name"] for model in found["items"]] == [other, one]
    assert (await api.get("/api/models", params={"name": one, "q": other})).json()["items"] == []


async def test_a_list_of_models_gives_the_newest_points_of_each_on_request(api: httpx.AsyncClient) -> None:
    stem, noon = uuid.uuid4().hex, datetime(2026, 3, 1, 12, tzinfo=UTC)
    points = [
        {"model_name": f"{stem}-{letter}", "timestamp": (noon + timedelta(minutes=m)).isoformat(), **seen}
        for letter, m, seen in (
            ("a", 2, {"accuracy": 0.7}),
            ("a", 1, {"accuracy": 0.8, "latency_ms": 90.0}),
            ("a", 0, {"accuracy": 0.9}),
            ("b", 5, {"cpu_usage": 0.5}),
        )
    ]
    await api.post("/api/metrics", json=points)
    plain = (await api.get("/api/models", params={"q": stem})).json()["items"]
    assert [model["history"] for model in plain] == [[], []]
    asked = (await api.get("/api/models", params={"q": stem, "history": 2})).json()["items"]
    assert [model["history"] for model in asked] == [
        [
            {"timestamp": "2026-03-01T12:01:00Z", "accuracy": 0.8, "latency_ms": 90.0},
            {"timestamp": "2026-03-01T12:02:00Z", "accuracy": 0.7, "latency_ms": None},
        ],
        [{"timestamp": "2026-03-01T12:05:00Z", "accuracy": None, "latency_ms": None}],
    ]


async def test_a_model_tells_its_last_decision_in_short(api: httpx.AsyncClient) -> None:
    model = name("decided")
    await api.put(f"/api/models/{model}", json={})
    assert (await api.get(f"/api/models/{model}")).json()["decided"] is None
    made = (await api.post("/api/analyze", json={"model_name": model, **FAILING})).json()
    found = (await api.get(f"/api/models/{model}")).json()
    listed = (await api.get("/api/decisions", params={"model_name": model})).json()["items"]
    assert found["decided"]["decision_id"] == found["last_decision"] == made["decision_id"]
    assert listed[0]["why"] == made["planner_decision"]["reasoning"]
    assert datetime.fromisoformat(listed[0]["executed_at"]) >= datetime.fromisoformat(listed[0]["created_at"])
    # What a moment later is known of the outcome is all that may differ.
    late = {"outcome", "updated_at"}
    assert {k: v for k, v in found["decided"].items() if k not in late} == {
        k: v for k, v in listed[0].items() if k not in late
    }


async def test_a_refused_decision_says_why_it_was_refused(api: httpx.AsyncClient) -> None:
    model = name("refused")
    settings = {"limits": {"actions_per_day": 0}, "mode": "autonomous"}
    assert (await api.put(f"/api/models/{model}", json=settings)).status_code == 200
    made = (await api.post("/api/analyze", json={"model_name": model, **FAILING})).json()
    assert (made["status"], made["ending"]) == ("rejected", "denied")
    listed = (await api.get("/api/decisions", params={"model_name": model})).json()["items"][0]
    assert listed["why"] == made["rules"][0]["reason"]
    assert listed["executed_at"] is None


async def test_a_history_is_averaged_over_steps(api: httpx.AsyncClient) -> None:
    model, noon = name("series"), datetime(2026, 3, 1, 12, tzinfo=UTC)
    points = [
        {"model_name": model, "timestamp": (noon + timedelta(minutes=m)).isoformat(), "accuracy": a}
        for m, a in ((0, 0.8), (1, 0.6), (10, 0.5))
    ]
    assert (await api.post("/api/metrics", json=points)).json() == {"accepted": 3}
    window = {"from": noon.isoformat(), "to": (noon + timedelta(hours=1)).isoformat(), "step": "300"}
    found = (await api.get(f"/api/models/{model}/metrics", params=window)).json()["points"]
    assert [(one["points"], round(one["accuracy"], 6)) for one in found] == [(2, 0.7), (1, 0.5)]


async def test_ten_thousand_points_are_taken_at_once_and_all_or_none(api: httpx.AsyncClient, aurora: Aurora) -> None:
    model = name("bulk")
    many = [{"model_name": model, "accuracy": 0.5, "cpu_usage": 0.1}] * 10_000
    assert (await api.post("/api/metrics", json=many)).json() == {"accepted": 10_000}
    refused = await api.post("/api/metrics", json=[*many[:9_999], {"model_name": model, "accuracy": 2}])
    assert refused.status_code == 422
    assert len(aurora.ledger.metrics.recent(model, limit=20_000)) == 10_000


async def test_points_are_kept_with_the_time_at_which_they_came(api: httpx.AsyncClient, aurora: Aurora) -> None:
    model, before = name("clock"), datetime.now(UTC)
    await api.post("/api/metrics", json={"model_name": model, "latency_ms": 100})
    kept = aurora.ledger.metrics.latest(model)
    assert isinstance(kept, MetricPoint)
    assert kept.timestamp is not None
    assert before <= kept.timestamp <= datetime.now(UTC)


async def test_the_replicas_of_a_point_are_kept_and_shown(api: httpx.AsyncClient) -> None:
    model, replicas = name("replicas"), [{"name": "r1", "load": 0.9, "latency_ms": 900.0, "healthy": False}]
    await api.post("/api/metrics", json={"model_name": model, "latency_ms": 100, "replicas": replicas})
    assert (await api.get(f"/api/models/{model}")).json()["last_metrics"]["replicas"] == replicas


async def test_a_model_tells_what_the_monitor_makes_of_it(api: httpx.AsyncClient, aurora: Aurora) -> None:
    model = name("watched")
    await api.put(f"/api/models/{model}", json={"latency_slo_ms": 500, "mode": "stopped"})
    assert (await api.get(f"/api/models/{model}")).json()["watch"] is None
    await api.post("/api/metrics", json={"model_name": model, "latency_ms": 900})
    assert (await api.get(f"/api/models/{model}")).json()["watch"] is None

    await asyncio.to_thread(aurora.watch)

    (found,) = (await api.get("/api/models", params={"q": model})).json()["items"]
    assert (await api.get(f"/api/models/{model}")).json()["watch"] == found["watch"]
    assert (found["watch"]["word"], found["watch"]["held_by"]) == ("suspicious", "")
    assert found["watch"]["signs"] == ["latency 900 ms over 500 ms"]
    assert found["watch"]["since"] == found["last_metrics"]["timestamp"]
    assert found["watch"]["looked_at"] >= found["watch"]["since"]


# --- memory, mode, chat, health --------------------------------------------------------------------------------------


async def test_what_is_told_is_found_again_and_marked_as_told(api: httpx.AsyncClient) -> None:
    told = {"kind": "incident", "text": "The nightly export of the warehouse doubled the latency.", "model_name": "wh"}
    posted = await api.post("/api/memory", json=told)
    assert posted.status_code == 201
    found = (
        await api.post("/api/memory/search", json={"query": "latency during the nightly export", "top_k": 50})
    ).json()
    hit = next(one for one in found["results"] if one["id"] == posted.json()["ids"][0])
    assert (hit["kind"], hit["text"], hit["trust"]) == ("incident", told["text"], "told")
    assert -1 <= hit["similarity"] <= 1


async def test_many_entries_are_written_at_once_in_the_name_of_who_sent_them(
    locked_api: httpx.AsyncClient, bearer: dict[str, dict[str, str]], aurora: Aurora
) -> None:
    many = [{"kind": "experiment", "text": f"Experiment {n}."} for n in range(3)]
    ids = (await locked_api.post("/api/memory", json=many, headers=bearer["operator"])).json()["ids"]
    kept = [aurora.ledger.entries.get(id) for id in ids]
    assert [(one.text, one.source) for one in kept] == [(f"Experiment {n}.", "otto") for n in range(3)]


async def test_the_mode_of_the_installation_is_set_with_who_and_why(api: httpx.AsyncClient) -> None:
    answer = await api.put("/api/mode", json={"mode": "observe", "reason": "Release week."})
    try:
        assert answer.status_code == 200
        found = (await api.get("/api/mode")).json()
        assert (found["mode"], found["reason"], found["by"]) == ("observe", "Release week.", "local")
        decision = (await api.post("/api/analyze", json={"model_name": name("observed"), **FAILING})).json()
        assert (decision["status"], decision["execution_result"]) == ("proposed", None)
    finally:
        await api.put("/api/mode", json={"mode": "autonomous"})


async def test_why_is_answered_with_the_decision_that_it_is_about(api: httpx.AsyncClient) -> None:
    made = (await api.post("/api/analyze", json={"model_name": name("chat"), **FAILING})).json()
    reply = (await api.post("/api/chat", json={"message": f"why {made['decision_id']}?"})).json()
    assert [one["decision_id"] for one in reply["citations"]] == [made["decision_id"]]
    followed = await api.post("/api/chat", json={"message": "did it help?", "thread_id": reply["thread_id"]})
    assert followed.json()["thread_id"] == reply["thread_id"]


async def test_health_names_every_component(api: httpx.AsyncClient) -> None:
    health = (await api.get("/health")).json()
    assert health["status"] == "healthy"
    assert health["components"] == dict.fromkeys(("database", "memory_store", "agents"), "operational")
    assert datetime.fromisoformat(health["timestamp"]).tzinfo is not None


# --- HTTP ------------------------------------------------------------------------------------------------------------


async def test_head_is_get_without_a_body(api: httpx.AsyncClient) -> None:
    head, got = await api.head("/api/mode"), await api.get("/api/mode")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/api/mode", "GET, PUT, HEAD, OPTIONS"),
        ("/api/analyze", "POST, OPTIONS"),
        ("/api/models/a%2Fb", "GET, PUT, HEAD, OPTIONS"),
    ],
)
async def test_options_and_a_wrong_method_say_what_is_allowed(api: httpx.AsyncClient, path: str, allow: str) -> None:
    options, wrong = await api.options(path), await api.delete(path)
    assert (options.status_code, options.headers["allow"]) == (204, allow)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, allow)
