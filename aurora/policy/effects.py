"""What each move does about each cause in this situation: its chance of reaching its goal, and what rules it out.

The table of chances is judged (`priors.json`, "cure"); here it is adjusted to the situation. What a move needs and
the situation lacks takes its chance away.
"""

from collections.abc import Callable, Mapping

from aurora.domain import Cause, Thresholds
from aurora.policy.curves import ramp
from aurora.policy.moves import Move, Side
from aurora.policy.priors import Row
from aurora.policy.signs import expected_drop, freshness, previous_better, traffic_low, under_floor, unseen_drop
from aurora.policy.sizing import load_after_leaving, replicas_enough, replicas_wanted
from aurora.policy.view import View, usage


def cures(move: Move, seen: View) -> Row:
    """Return the chance that `move` reaches its goal under each cause, as this situation lets it."""
    row = seen.priors.cure[move]
    adjust = ADJUSTED.get(move)
    return row if adjust is None else adjust(row, seen)


def _scaled(row: Row, factor: float) -> Row:
    return tuple(chance * factor for chance in row)


def _retrained(row: Row, seen: View) -> Row:
    """Where accuracy is not seen the goal is a level: a training that nothing called for mostly keeps it."""
    if seen.get("model_metrics.accuracy") is not None and freshness(seen) > 0.5:
        return row
    kept = seen.priors.numbers["kept_level"]
    pairs = zip(seen.priors.causes, row, strict=True)
    return tuple(kept if cause in HARMLESS and chance > 0 else chance for cause, chance in pairs)


def _fine_tuned(row: Row, seen: View) -> Row:
    """Incremental training makes good a small loss; a large one, or one under the floor, less and less."""
    numbers = seen.priors.numbers
    drop = expected_drop(seen)
    drop = unseen_drop(seen) if drop is None else drop
    reach = 1 - ramp(drop, numbers["fine_tune_reach"], seen.priors.widths["fine_tune"])
    reach *= 1 - numbers["fine_tune_floor"] * under_floor(seen)
    return _retrained(_scaled(row, reach), seen)


def _cached(row: Row, seen: View) -> Row:
    """Where the burst is not what is wrong, a cache takes away no more load than what repeats."""
    known = seen.get("traffic.repeat_ratio")
    ratio = seen.priors.numbers["assumed_repeats"] if known is None else known
    pairs = zip(seen.priors.causes, row, strict=True)
    return tuple(chance if cause is Cause.CACHEABLE_BURST else chance * ratio for cause, chance in pairs)


def _routed_away(row: Row, seen: View) -> Row:
    """The other replicas need room for what the worst one carried."""
    load = load_after_leaving(seen)
    if load is None:
        return row
    return _scaled(row, 1 - ramp(load, seen.priors.numbers["full_load"], seen.priors.widths["usage"]))


def _routed_back(row: Row, seen: View) -> Row:
    """Where the version before is known to be no more accurate, going back does not mend the answers."""
    better = previous_better(seen)
    if better is None:
        return row
    cut = len(seen.priors.states[Side.QUALITY])
    return _scaled(row[:cut], better) + row[cut:]


def _scaled_up(row: Row, seen: View) -> Row:
    """Where the limit allows fewer replicas than are needed, so much of the cure is missing."""
    used = usage(seen)
    if used is None:
        return row
    now = seen.get("replicas.count") or 1.0
    needed = max(now * used / seen.priors.numbers["target_usage"], now + 1)
    return _scaled(row, min(1.0, replicas_wanted(seen) / needed))


def _scaled_down(row: Row, seen: View) -> Row:
    """Where there is less traffic than usual right now, what idles may be needed again in some hours."""
    lull = traffic_low(seen)
    return row if lull is None else _scaled(row, 1 - seen.priors.numbers["lull_returns"] * lull)


HARMLESS = (Cause.HEALTHY, Cause.COVARIATE_DRIFT, Cause.BLIP)

ADJUSTED: Mapping[Move, Callable[[Row, View], Row]] = {
    Move.RETRAIN: _retrained,
    Move.FINE_TUNE: _fine_tuned,
    Move.CACHE: _cached,
    Move.ROUTE_AWAY: _routed_away,
    Move.ROUTE_BACK: _routed_back,
    Move.SCALE_UP: _scaled_up,
    Move.SCALE_DOWN: _scaled_down,
}


# --- what rules a move out -------------------------------------------------------------------------------------------


def blocked_by_numbers(seen: View) -> dict[Move, str]:
    """Return the moves that the numbers rule out, and why."""
    blocked: dict[Move, str] = {}
    if unsound := unsound_training(seen):
        blocked |= {Move.RETRAIN: unsound, Move.FINE_TUNE: unsound}
    now, most = int(seen.get("replicas.count") or 1), seen.settings.limits.max_replicas
    if replicas_wanted(seen) <= now:
        blocked[Move.SCALE_UP] = f"the service has {now} replicas and may have {most}"
    if replicas_enough(seen) >= now:
        blocked[Move.SCALE_DOWN] = "there is no replica to give back"
    return blocked


def unsound_training(seen: View) -> str | None:
    """Return why nothing may be trained on what is there now, or None. Whoever approves: the model would learn it."""
    limits = seen.settings.thresholds
    checks = (_few_labels, _broken_rates, _stale_inputs, _suspect_inputs)
    return next((reason for check in checks if (reason := check(seen, limits)) is not None), None)


def _few_labels(seen: View, limits: Thresholds) -> str | None:
    count = seen.get("labels.count")
    if count is None or count >= limits.min_labels:
        return None
    return f"{count:.0f} labels are fewer than the {limits.min_labels} that a training needs"


def _broken_rates(seen: View, limits: Thresholds) -> str | None:
    for words, path, limit in (
        ("null rate", "data_quality.null_rate", limits.null_rate),
        ("out-of-range rate", "data_quality.invalid_rate", limits.invalid_rate),
    ):
        rate = seen.get(path)
        if rate is not None and rate > limit:
            return f"the inputs' {words} of {rate:.3g} is over its limit of {limit:.3g}"
    return None


def _stale_inputs(seen: View, limits: Thresholds) -> str | None:
    age = seen.get("data_quality.freshness_minutes")
    if age is None or age <= limits.freshness_minutes:
        return None
    return f"the newest input is {age:.0f} minutes old, over the limit of {limits.freshness_minutes:.0f}"


def _suspect_inputs(seen: View, _limits: Thresholds) -> str | None:
    suspects = seen.get("data_quality.suspect_features")
    return f"{suspects:.0f} of the input features are under suspicion" if suspects else None
