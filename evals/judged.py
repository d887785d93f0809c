"""The engine's numbers that nobody has measured: expert judgement, each group with the reason for it.

`evals/fit_priors.py` copies them into `aurora/policy/priors.json` under "judgement". Chances are 0 to 1, costs and
harms in hours of wrong answers, times in hours unless the name says otherwise.
"""

from typing import Any

from aurora.domain import Cause
from aurora.policy.moves import Move, Side

BASE_RATES = {
    Side.QUALITY: {
        Cause.HEALTHY: 0.8005,
        Cause.CONCEPT_DRIFT: 0.10,
        Cause.COVARIATE_DRIFT: 0.03,
        Cause.DATA_BUG: 0.0015,
        Cause.BAD_DEPLOYMENT: 0.022,
        Cause.LABEL_TROUBLE: 0.014,
        Cause.BLIP: 0.006,
        Cause.UNKNOWN: 0.026,
    },
    Side.SERVICE: {
        Cause.HEALTHY: 0.9025,
        Cause.SATURATION: 0.03,
        Cause.CACHEABLE_BURST: 0.007,
        Cause.HOT_REPLICA: 0.016,
        Cause.SLOW_VERSION: 0.004,
        Cause.BAD_DEPLOYMENT: 0.005,
        Cause.OVER_PROVISIONED: 0.009,
        Cause.DATA_BUG: 0.0015,
        Cause.BLIP: 0.004,
        Cause.UNKNOWN: 0.021,
    },
}

FACES = {
    Side.QUALITY: {},
    Side.SERVICE: {
        Cause.SATURATION: {"filling": 0.2, "early": 0.3},
        Cause.CACHEABLE_BURST: {"early": 0.2},
        Cause.HOT_REPLICA: {"early": 0.3},
        Cause.SLOW_VERSION: {"early": 0.25},
        Cause.BAD_DEPLOYMENT: {"leaking": 0.5},
        Cause.UNKNOWN: {"leaking": 0.19, "failing": 0.48, "gone": 0.06},
        Cause.HEALTHY: {"resting": 0.005},
        Cause.BLIP: {"failing": 0.4},
    },
}

CURE = {
    Side.QUALITY: {
        Move.RETRAIN: {
            Cause.CONCEPT_DRIFT: 0.985,
            Cause.COVARIATE_DRIFT: 0.30,
            Cause.DATA_BUG: 0.20,
            Cause.BAD_DEPLOYMENT: 0.25,
            Cause.LABEL_TROUBLE: 0.10,
            Cause.BLIP: 0.90,
            Cause.HEALTHY: 0.20,
            Cause.UNKNOWN: 0.20,
        },
        Move.FINE_TUNE: {
            Cause.CONCEPT_DRIFT: 0.93,
            Cause.COVARIATE_DRIFT: 0.30,
            Cause.DATA_BUG: 0.10,
            Cause.BAD_DEPLOYMENT: 0.20,
            Cause.LABEL_TROUBLE: 0.10,
            Cause.BLIP: 0.90,
            Cause.HEALTHY: 0.20,
            Cause.UNKNOWN: 0.15,
        },
        Move.ROUTE_BACK: {Cause.BAD_DEPLOYMENT: 0.95, Cause.CONCEPT_DRIFT: 0.12, Cause.BLIP: 0.80, Cause.UNKNOWN: 0.20},
        Move.ALERT: {
            Cause.CONCEPT_DRIFT: 0.50,
            Cause.COVARIATE_DRIFT: 0.10,
            Cause.DATA_BUG: 0.93,
            Cause.BAD_DEPLOYMENT: 0.70,
            Cause.LABEL_TROUBLE: 0.75,
            Cause.BLIP: 0.20,
            Cause.UNKNOWN: 0.85,
        },
        Move.LEAVE: {
            Cause.HEALTHY: 0.99,
            Cause.COVARIATE_DRIFT: 0.94,
            Cause.BLIP: 0.93,
            Cause.LABEL_TROUBLE: 0.25,
            Cause.CONCEPT_DRIFT: 0.03,
            Cause.UNKNOWN: 0.05,
        },
    },
    Side.SERVICE: {
        Move.CACHE: {
            Cause.CACHEABLE_BURST: 0.94,
            Cause.SATURATION: 0.80,
            Cause.HOT_REPLICA: 0.30,
            Cause.SLOW_VERSION: 0.60,
            Cause.BLIP: 0.85,
        },
        Move.ROUTE_AWAY: {Cause.HOT_REPLICA: 0.95, Cause.SATURATION: 0.05, Cause.BLIP: 0.85, Cause.UNKNOWN: 0.10},
        Move.ROUTE_BACK: {Cause.SLOW_VERSION: 0.94, Cause.BAD_DEPLOYMENT: 0.95, Cause.BLIP: 0.85, Cause.UNKNOWN: 0.15},
        Move.SCALE_UP: {
            Cause.SATURATION: 0.95,
            Cause.CACHEABLE_BURST: 0.70,
            Cause.HOT_REPLICA: 0.10,
            Cause.SLOW_VERSION: 0.20,
            Cause.BLIP: 0.85,
            Cause.UNKNOWN: 0.03,
        },
        Move.SCALE_DOWN: {Cause.OVER_PROVISIONED: 0.95, Cause.HEALTHY: 0.60},
        Move.ALERT: {
            Cause.SATURATION: 0.85,
            Cause.CACHEABLE_BURST: 0.85,
            Cause.HOT_REPLICA: 0.85,
            Cause.SLOW_VERSION: 0.85,
            Cause.BAD_DEPLOYMENT: 0.85,
            Cause.OVER_PROVISIONED: 0.20,
            Cause.DATA_BUG: 0.93,
            Cause.BLIP: 0.20,
            Cause.UNKNOWN: 0.93,
        },
        Move.LEAVE: {Cause.HEALTHY: 0.99, Cause.BLIP: 0.93, Cause.OVER_PROVISIONED: 0.20, Cause.UNKNOWN: 0.05},
    },
}

HOURS_UNTIL_EFFECT = {
    Move.RETRAIN: 1.0,
    Move.FINE_TUNE: 0.3,
    Move.CACHE: 0.1,
    Move.ROUTE_AWAY: 0.1,
    Move.ROUTE_BACK: 0.1,
    Move.SCALE_UP: 0.15,
    Move.SCALE_DOWN: 0.1,
    Move.ALERT: 4.0,
    Move.LEAVE: 0.0,
}

HARM_IF_WRONG = {
    Move.RETRAIN: 0.10,
    Move.FINE_TUNE: 0.05,
    Move.CACHE: 0.10,
    Move.ROUTE_AWAY: 0.10,
    Move.ROUTE_BACK: 0.30,
    Move.SCALE_UP: 0.0,
    Move.SCALE_DOWN: 0.90,
    Move.ALERT: 0.10,
    Move.LEAVE: 0.0,
}

WIDTHS = {
    "label_delay": 0.15,
    "floor": 0.01,
    "drift": 0.05,
    "bad_rate": 0.15,
    "freshness": 0.15,
    "deploy": 0.12,
    "labels": 0.25,
    "persistence": 0.40,
    "latency": 0.008,
    "latency_rise": 0.12,
    "errors": 0.10,
    "usage": 0.008,
    "memory": 0.002,
    "memory_hours": 0.50,
    "idle": 0.01,
    "repeats": 0.025,
    "imbalance": 0.04,
    "hot_load": 0.03,
    "latency_imbalance": 0.20,
    "traffic": 0.10,
    "breach": 0.01,
    "fine_tune": 0.012,
    "sure": 0.02,
}

NUMBERS = {
    "tolerated_drop": 0.01,
    "baseline_spread": 0.004,
    "previous_spread": 0.015,
    "assumed_labels": 3000.0,
    "detector_trust": 0.99,
    "suspicion_trust": 0.995,
    "health_trust": 0.995,
    "enough_history": 3.0,
    "latency_multiple": 3.0,
    "memory_high": 0.93,
    "imbalance": 0.35,
    "hot_load": 0.70,
    "latency_rise": 1.8,
    "latency_imbalance": 2.5,
    "hot_latency_share": 0.5,
    "traffic_surge": 1.4,
    "traffic_lull": 0.5,
    "lull_returns": 0.6,
    "traffic_outage": 0.1,
    "target_usage": 0.60,
    "full_load": 0.90,
    "cache_ttl_seconds": 300.0,
    "horizon_hours": 24.0,
    "history_weight": 0.5,
    "window_hours": 2.0,
    "clarity": 0.15,
    "borne_harm": 1.5,
    "looming_hours": 12.0,
    "blip_hours": 0.75,
    "corrupt_harm": 0.05,
    "blind_harm": 0.05,
    "outage_harm": 0.5,
    "saturation_looms": 0.6,
    "hot_replica_looms": 0.20,
    "leak_looms": 0.6,
    "surge_hours": 6.0,
    "irreversible_harm": 3.0,
    "needless_harm": 0.2,
    "sure": 0.70,
    "assumed_repeats": 0.12,
    "young_share": 0.5,
    "kept_level": 0.65,
    "fine_tune_reach": 0.075,
    "fine_tune_floor": 0.6,
    "critical_harm": 0.10,
    "warning_harm": 0.02,
    "prior_strength": 12.0,
    "half_life_days": 90.0,
    "kernel_bandwidth": 0.25,
    "text_only_worth": 0.5,
    "share_of_words": 0.10,
    "share_of_numbers": 0.25,
    "share_of_causes": 0.50,
    "share_of_time": 0.15,
}

ADVISOR = {
    "assumed_labels": 200.0,
    "drift_limit": 0.2,
    "bandwidth": 0.05,
    "spread": 0.5,
}

SCALING = {
    "memory": [3.0, 12.0, 120.0],
    "daily": 0.5,
    "error_memory": 1440.0,
    "error_worth": 60.0,
    "openness": 0.15,
}

JUDGEMENT: dict[str, dict[str, Any]] = {
    "base_rates": {
        "why": "How often each cause is behind a look, before any evidence. Set so that low accuracy and detected "
        "drift together are enough for a confident answer without a baseline (contract), and low accuracy "
        "alone is not.",
        "value": BASE_RATES,
    },
    "faces": {
        "why": "In what share of its cases a cause shows in another way than usual; told apart, since what shows "
        "either in errors or in memory shows in one of them. A leak that came with a deployment is a bad version, "
        "about as frequent as one that fails at once. What else fills the memory at a normal load is hardly ever "
        "known. One load in five is larger in memory than in CPU. Trouble that grows is often looked at early, before "
        "answers are late. A blip is more often slow than failing.",
        "value": FACES,
    },
    "cure": {
        "why": "Chance that a move reaches its goal under each cause; what is not named is 0. On-call practice: a "
        "full retrain almost always follows a drift, a roll-back cures a bad version, more replicas cure load "
        "and little else, a leak least of all; nothing but people cures what is upstream or unknown.",
        "value": CURE,
    },
    "hours_until_effect": {
        "why": "Training takes about an hour, incremental training minutes, switches less; people take half a shift "
        "to find and mend a cause.",
        "value": HOURS_UNTIL_EFFECT,
    },
    "harm_if_wrong": {
        "why": "What a move does by itself where it cures nothing: stale answers, a colder model, less room for a "
        "burst, people who stop listening. All are watched and taken back, so that most are small beside an hour of "
        "trouble; too few replicas are overloaded at once, and a version that was left for a reason errs again.",
        "value": HARM_IF_WRONG,
    },
    "widths": {
        "why": "How wide the slope of each sign is around its threshold, in the sign's own unit or as a log ratio: "
        "about the noise between two looks at an unchanged service. Memory is steadier than load, and how long it "
        "will last is only roughly told by how it climbs now.",
        "value": WIDTHS,
    },
    "numbers": {
        "why": "Levels, limits and worths that are one number each. The horizon is a day, since people look at a "
        "service daily, and a surge of load lasts a quarter of it; the target usage is that of Kubernetes' "
        "autoscaler examples; a look 2 hours later clears up a seventh of what is unclear; a change that nothing "
        "called for costs as much trust as an alert; a case loses half "
        "its worth in a quarter of a year; a prior is worth a dozen cases; what a "
        "model's history says of the moment for a retrain counts half; a case is looked for by its causes first, "
        "since they tell most of what is behind it, then by its numbers, its age and its words. Memory that runs out "
        "looms as a load that cannot be carried does.",
        "value": NUMBERS,
    },
    "advisor": {
        "why": "What RetrainAdvisor assumes where nothing is said: 200 labels a step, a population stability index "
        "of 0.2 as the usual sign of a shift, savings that turn out half as large or as small again.",
        "value": ADVISOR,
    },
    "scaling": {
        "why": "How ScaleAdvisor looks at a load: over the last minutes, a quarter of an hour and two hours; a time of "
        "day as the last few days had it, half of it the newest one; errors as of the last day, the usual ones being "
        "worth an hour of them. A load's own weights are within a few tenths of the usual ones. "
        "Chosen by hand among a few, by the cost on the first published trace of each family.",
        "value": SCALING,
    },
}
