"""Shows a demo in the terminal: telemetry as it moves, and what AURORA thinks and does about it."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from rich.text import Text

from app.cli_text import coloured, pairs, plain, put
from app.demo import Event

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 14
"""How many of the newest values a line of bars shows."""

INCIDENTS = {
    "abrupt_drift": "From one minute to the next the inputs mean something else.",
    "gradual_drift": "Little by little the inputs come to mean something else.",
    "covariate_drift": "Other people than usual use it; the model knows them well.",
    "data_bug": "Upstream has begun to send empty values.",
    "bad_deployment": "A team has put a broken version live.",
    "repeating_burst": "Much more traffic has come, and most of it repeats itself.",
    "surge": "Much more traffic has come.",
    "hot_replica": "One replica has become four times slower.",
    "memory_leak": "A version went live that loses memory with every request.",
    "blip": "For a moment answers are slow.",
    "healthy": "Nothing happens at all.",
}


def show(events: Iterator[Event], as_json: bool) -> bool:
    """Show the events as they come; return whether the demo came to its proper end."""
    screen, ended = _Screen(), False
    for event in events:
        if as_json:
            sys.stdout.write(json.dumps(event, ensure_ascii=True) + "\n")
        else:
            screen.show(event)
        sys.stdout.flush()
        ended = event["event"] == "end" and event["complete"]
    return ended


class _Screen:
    """Tells the events to people, one line or a few each."""

    def __init__(self) -> None:
        self._accuracy: list[float] = []
        self._latency: list[float] = []
        self._announced = False
        self._incident = ""

    def show(self, event: Event) -> None:
        tell: dict[str, Callable[[Event], None]] = {
            "begin": self._begin,
            "telemetry": self._telemetry,
            "watch": _watch,
            "plan": _plan,
            "critique": _critique,
            "rule": _rule,
            "execute": _execute,
            "verify": _verify,
            "undo": _undo,
            "end": _end,
        }
        tell[event["event"]](event)

    def _begin(self, event: Event) -> None:
        self._incident = event["incident"]
        put(
            Text(f"{event['model_name']}", style="bold"),
            f": {self._incident.replace('_', ' ')}, on a real model in a pretend world.",
        )

    def _telemetry(self, event: Event) -> None:
        if event["incident"] and not self._announced:
            self._announced = True
            put(Text(f"        ! {INCIDENTS[self._incident]} AURORA is not told.", style="magenta"))
        accuracy, latency = event.get("accuracy"), event.get("latency_ms")
        self._accuracy += [] if accuracy is None else [accuracy]
        self._latency += [] if latency is None else [latency]
        quality = "no labels yet" if accuracy is None else f"{accuracy:.2f}"
        put(
            f"{event['tick']:>4} min  accuracy {quality:<13} {_bars(self._accuracy, 1.0)}"
            f"  latency {latency or 0:>5.0f} ms {_bars(self._latency, max(self._latency, default=1.0))}"
            f"  drift {event['data_drift_score']:.2f}  cpu {event['cpu_usage']:.0%}"
            f"  {event['throughput_rps']:.0f}/s  v{event.get('model_version', '?')}",
        )


def _bars(values: list[float], most: float) -> str:
    newest = values[-WIDTH:]
    drawn = "".join(BARS[min(int(max(value, 0) / (most or 1.0) * len(BARS)), len(BARS) - 1)] for value in newest)
    return drawn.ljust(WIDTH)


def _said(word: str, *what: Any, id: str = "") -> None:
    put(Text(f"  {word:>9}  ", style="bold cyan"), *what, Text(f"  [{id}]" if id else "", style="dim"))


def _watch(event: Event) -> None:
    held = f", held back ({event['held_by'].replace('_', ' ')})" if event["held_by"] else ""
    signs = f": {plain('; '.join(event['signs']))}" if event["signs"] else ""
    _said("monitor", coloured(event["word"]), f"{held}{signs}")


def _plan(event: Event) -> None:
    for case in event["recalled"][:3]:
        _said("recalled", f"{plain(case['summary'])[:110]} ({case['similarity']:.2f} alike)", id=case["id"])
    step = event["step"]
    proposed = f" {pairs(step['parameters'])}, confidence {event['confidence']:.2f}"
    _said("proposed", coloured(step["action"]), proposed, id=event["decision_id"])
    _said("because", plain(event["reasoning"]))


def _critique(event: Event) -> None:
    _said(
        "verdict",
        coloured(event["verdict"]),
        f", risk {event['risk']}: {plain(event['reasoning'])}",
        id=event["decision_id"],
    )


def _rule(event: Event) -> None:
    reasons = " ".join(plain(finding["reason"]) for finding in event["findings"])
    _said("ruled", coloured(event["verdict"]), f". {reasons}" if reasons else ".", id=event["decision_id"])


def _execute(event: Event) -> None:
    said = "executed" if event["status"] == "done" else event["status"]
    _said("executor", coloured(said), f": {plain(event['reasoning'])}", id=event["decision_id"])


def _verify(event: Event) -> None:
    _said("verified", coloured(event["outcome"]), f": {plain(event['reasoning'])}", id=event["decision_id"])


def _undo(event: Event) -> None:
    _said("undo", coloured(event["status"]), f": {plain(event['reasoning'])}", id=event["decision_id"])


def _end(event: Event) -> None:
    put()
    if event["question"]:
        put(Text(f"> {event['question']}", style="bold"))
    put(plain(event["answer"]), Text(f"  [{', '.join(event['citations'])}]" if event["citations"] else "", style="dim"))
