"""The examples of the OpenAPI document; `tests/app/test_api_openapi.py` sends every request that is shown here."""

from typing import Any

DECISION_ID = "dec_0c5f9a52d3a14c3f8e6f5c1f0d1b2a3c"
APPROVAL_ID = "apr_5f0c9a52d3a14c3f8e6f5c1f0d1b2a3c"
MEMORY_ID = "mem_9a525f0cd3a14c3f8e6f5c1f0d1b2a3c"
MOMENT = "2026-11-22T08:00:00Z"

TELEMETRY: dict[str, Any] = {
    "model_name": "fraud-scorer",
    "model_version": "1.4",
    "timestamp": MOMENT,
    "model_metrics": {"accuracy": 0.75, "latency_ms": 450, "error_rate": 0.01, "throughput_rps": 120},
    "baseline": {"accuracy": 0.88, "latency_ms": 300, "throughput_rps": 110},
    "data_drift": {"detected": True, "score": 0.6, "features": {"amount": 0.71, "country": 0.12}},
    "system_load": {"cpu_usage": 0.7, "memory_usage": 0.6, "gpu_usage": 0.5},
    "labels": {"count": 5000, "delay_hours": 24},
}
SMALL_TELEMETRY = {
    "model_metrics": {"accuracy": 0.72, "latency_ms": 650},
    "data_drift": {"detected": True, "score": 0.65},
}

ANSWER: dict[str, Any] = {
    "decision_id": DECISION_ID,
    "model_name": "fraud-scorer",
    "status": "executed",
    "ending": None,
    "outcome": "pending",
    "rules": [],
    "planner_decision": {
        "decision_type": "retrain",
        "reasoning": "Accuracy 0.75 is well under its baseline of 0.88, and the inputs drifted by 0.60.",
        "confidence": 0.95,
        "alternatives": [],
        "parameters": {"window": "newest", "base_version": "1.4"},
        "reasons": ["accuracy is 0.13 under its baseline"],
        "goal": None,
        "flip": "With accuracy above 0.85 the answer would have been no_action.",
    },
    "critic_decision": {
        "decision_type": "retrain",
        "reasoning": "Three similar cases ended better.",
        "confidence": 0.95,
        "approved": True,
        "risk": "medium",
        "requires_approval": False,
    },
    "execution_result": {
        "decision_type": "retrain",
        "reasoning": "Above 0.9 and safe: executed at once.",
        "context": {"training_job_id": "training-1", "simulated": True},
    },
    "recalled": [{"id": MEMORY_ID, "similarity": 0.83, "summary": "Accuracy fell with drift; a retrain cured it."}],
    "approval_id": None,
    "dry_run": False,
    "simulated": True,
    "created_at": MOMENT,
}

SUMMARY: dict[str, Any] = {
    "id": DECISION_ID,
    "decision_id": DECISION_ID,
    "model_name": "fraud-scorer",
    "status": "executed",
    "ending": None,
    "outcome": "better",
    "decision_type": "retrain",
    "confidence": 0.95,
    "approval_id": None,
    "mode": "autonomous",
    "dry_run": False,
    "simulated": True,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "executed_at": MOMENT,
    "why": "Accuracy 0.75 is well under its baseline of 0.88, and the inputs drifted by 0.60.",
}

RECORD: dict[str, Any] = {
    **ANSWER,
    "mode": "autonomous",
    "updated_at": MOMENT,
    "telemetry": TELEMETRY,
    "steps": {"observe": [], "plan": [], "critique": [], "rule": [], "execute": []},
    "approvals": [],
    "intents": [],
    "outcomes": [],
}

POINT = {"model_name": "fraud-scorer", "accuracy": 0.87, "latency_ms": 310, "cpu_usage": 0.4}
REPLICAS = [{"name": "r1", "load": 0.4, "latency_ms": 300, "healthy": True}, {"name": "r2", "load": 0.5}]
POINTS = [
    POINT,
    {"model_name": "fraud-scorer", "accuracy": 0.86, "latency_ms": 320, "data_drift_score": 0.1, "replicas": REPLICAS},
]

SERIES = {
    "model_name": "fraud-scorer",
    "start": "2026-11-21T08:00:00Z",
    "end": MOMENT,
    "step_seconds": 3600,
    "points": [{"timestamp": "2026-11-21T08:00:00Z", "accuracy": 0.87, "latency_ms": 310.0}],
}

REPORT = {"success": True, "metrics": {"accuracy": 0.89}, "note": "Hold-out of the day after."}
UNDO = {"reason": "The new version answers one country badly."}

APPROVAL: dict[str, Any] = {
    "id": APPROVAL_ID,
    "decision_id": DECISION_ID,
    "model_name": "fraud-scorer",
    "round": 0,
    "status": "waiting",
    "step": {"action": "scale", "target": "fraud-scorer", "parameters": {"replicas": 6, "from": 4}},
    "edited_step": None,
    "fingerprint": "5d0c…",
    "reasons": ["confidence 0.64 is under 0.7"],
    "confidence": 0.64,
    "risk": "low",
    "created_at": MOMENT,
    "expires_at": "2026-11-23T08:00:00Z",
    "by": None,
    "authenticated": False,
    "reason": "",
    "settled_at": None,
    "simulated": True,
}
APPROVE = {"decision": "approve", "reason": "Black Friday."}
EDIT = {"decision": "edit", "reason": "Five will do.", "action": {"parameters": {"replicas": 5, "from": 4}}}

MEMORY = {
    "kind": "incident",
    "text": "Latency doubled while the nightly export ran; moving the export cured it.",
    "model_name": "fraud-scorer",
}
MEMORIES = [
    MEMORY,
    {"kind": "best_practice", "text": "Check the null rate before retraining on drift.", "decision_type": "retrain"},
]
SEARCH = {"query": "model accuracy dropped with data drift", "top_k": 5}
FOUND: dict[str, Any] = {
    "results": [
        {
            "id": MEMORY_ID,
            "kind": "experiment",
            "text": "Accuracy fell with drift; a retrain cured it.",
            "similarity": 0.83,
            "model_name": "fraud-scorer",
            "decision_id": DECISION_ID,
            "decision_type": "retrain",
            "success": True,
            "trust": "verified",
            "simulated": True,
            "created_at": MOMENT,
        }
    ]
}

CHAT = {"message": "why did you retrain?"}
CHAT_REPLY = {
    "answer": "I retrained fraud-scorer because its accuracy of 0.75 was well under its baseline of 0.88.",
    "citations": [
        {
            "decision_id": DECISION_ID,
            "model_name": "fraud-scorer",
            "decision_type": "retrain",
            "status": "executed",
            "outcome": "better",
            "created_at": MOMENT,
            "simulated": True,
        }
    ],
    "thread_id": "thr_3f9c1b2a",
}

SETTINGS: dict[str, Any] = {
    "accuracy_floor": 0.70,
    "latency_slo_ms": 1000,
    "baseline": {"accuracy": 0.88, "latency_ms": 300},
    "costs": {"retrain": 0.50, "scale": 0.03},
    "autonomy": {"retrain": "earned", "route": "ask", "scale": "auto"},
    "limits": {"max_replicas": 20, "actions_per_day": 6, "spend_per_day": 2.0},
    "mode": "autonomous",
    "cooldown_minutes": 60,
    "verify_minutes": 120,
}
AUTONOMY: dict[str, Any] = {
    "retrain": {
        "setting": "earned",
        "pinned": False,
        "state": "asks",
        "undoable": True,
        "verified_successes": 6,
        "misses": 1,
        "in_a_row": 1,
        "needed": 4,
        "lower_bound": 0.22,
        "bar": 0.5,
        "reason": "A miss took the right to run by itself back: "
        "it asks until 4 verified successes in a row have earned it; 1 so far.",
    },
    "scale": {
        "setting": "auto",
        "pinned": True,
        "state": "within_bands",
        "undoable": True,
        "verified_successes": 3,
        "misses": 0,
        "in_a_row": 3,
        "needed": 4,
        "lower_bound": 0.47,
        "bar": 0.5,
        "reason": "Pinned by a person: it runs within the confidence bands, whatever its record.",
    },
}
MODEL: dict[str, Any] = {
    "name": "fraud-scorer",
    "health": "healthy",
    "mode": "autonomous",
    "simulated": True,
    "first_seen": MOMENT,
    "last_seen": MOMENT,
    "last_metrics": POINT,
    "last_decision": DECISION_ID,
    "decided": SUMMARY,
    "settings": SETTINGS,
    "autonomy": AUTONOMY,
    "history": [{"timestamp": MOMENT, "accuracy": 0.87, "latency_ms": 310}],
    "watch": {"word": "quiet", "since": None, "signs": [], "held_by": "", "looked_at": MOMENT},
}

MODE = {"mode": "ask", "reason": "Release week."}
MODE_VIEW = {"mode": "ask", "reason": "Release week.", "by": "local", "changed_at": MOMENT}

EVALS: dict[str, Any] = {
    "version": "0.1.0",
    "created_at": MOMENT,
    "quick": True,
    "planner": None,
    "seconds": 25.1,
    "passed": True,
    "failures": [],
    "missed": [],
    "absent": [],
    "suites": [
        {
            "suite": "streams",
            "seconds": 25.1,
            "tables": [
                {
                    "title": "Published streams",
                    "about": "Total cost over that of the cheapest schedules.",
                    "columns": [{"name": "cost over oracle", "format": ".2f"}],
                    "rows": [{"policy": "AURORA", "figures": [{"value": 1.14, "low": 1.1, "high": 1.18}]}],
                }
            ],
            "targets": [],
            "comparisons": [],
            "plots": [],
            "notes": [],
        }
    ],
}

HEALTH = {
    "status": "healthy",
    "timestamp": MOMENT,
    "components": {"database": "operational", "memory_store": "operational", "agents": "operational"},
    "details": {},
}


def shown(example: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """Return `example` as the documented answer with `status`."""
    return {status: {"content": {"application/json": {"example": example}}}}


def page(item: Any) -> dict[int | str, dict[str, Any]]:
    """Return a page that holds `item` as the documented answer."""
    return shown({"items": [item], "next": None})


def sent(**examples: Any) -> dict[str, Any]:
    """Return named request bodies as FastAPI wants them."""
    return {name: {"value": example} for name, example in examples.items()}
