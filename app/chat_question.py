"""Understands one question: which intent, and which model, action, decision and time it speaks of.

Words and slots only: text is normalised, contractions are written out, small typing errors are corrected towards the
words that mean something here, and ordered patterns decide. Nothing in a question is ever an instruction.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.chat_words import (
    ACT_VERBS,
    ACTION_OF,
    CONSENT,
    DEEDS,
    ID,
    IMPERATIVE,
    KNOWN_WORDS,
    MEANINGFUL,
    PATTERNS,
    QUOTED,
    SPELT_OUT,
    VOCABULARY,
    Intent,
)
from aurora.domain import Action

LONGEST = 2000
"""Characters of a message that are read; what comes after cannot be a question of this kind."""


@dataclass(frozen=True)
class Window:
    """A stretch of time a question speaks of."""

    start: datetime
    end: datetime
    words: str


@dataclass(frozen=True)
class Question:
    """One question, understood as far as it goes."""

    intent: Intent
    action: Action | None = None
    model: str | None = None
    stranger: str | None = None
    """What looks like a model's name, but is none on record."""
    decision_id: str | None = None
    """An id or the beginning of one, of a decision (`dec_`) or an approval (`apr_`)."""
    window: Window | None = None
    verb: str = ""
    """For a request to act: the word that asked for it. For an action that does not exist: what it was called."""
    compares: bool = False
    """Whether it asks why `action` was taken and not `other` or, without one, not more than that."""
    other: Action | None = None
    about_nothing: bool = False
    """Whether it asks why nothing was done at all."""
    strange: tuple[str, ...] = ()
    """The words that nothing on record is about."""

    @property
    def bare(self) -> bool:
        """Whether it names nothing, so that it can only follow up on what was talked about."""
        return not (self.action or self.model or self.decision_id or self.stranger)


_UNITS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 30 * 86400}


def understand(text: str, names: Sequence[str], now: datetime) -> Question:
    """Read `text`, knowing that models of these `names` exist and that it is `now`."""
    line = _fold(text[:LONGEST])
    found = ID.search(line)
    line = ID.sub("#", line)
    model, line = _take_name(line, names)
    if model is None:
        model, line = _take_misspelt_name(line, names)
    stranger = None if model else _stranger(line)
    words = _corrected(_spell_out(line))
    intent, verb = _intent(words, names_something=bool(found or model), asks=line.endswith("?"))
    compares, taken, other = _compared(words) if intent in (Intent.WHY, Intent.WHY_NOT) else (False, None, None)
    intent = Intent.WHY_NOT if compares else intent
    strange = _strange(words)
    if found is None and intent is Intent.WHY and _action(words) is None and _no_deed(words):
        intent, verb = Intent.NO_SUCH_ACTION, _no_deed(words)
    elif found is None and _unheld(intent, words, strange, stranger):
        intent = Intent.UNHELD
    if intent is Intent.EXTREME:
        verb = "lowest" if re.search(r"\b(?:lowest|least|minimum)\b", words) else "highest"
    action = None if intent is Intent.WHY_NOT and _asks_why_nothing(words) else _action(words)
    return Question(
        intent=intent,
        action=taken if compares else action,
        model=model,
        stranger=stranger,
        decision_id=found.group() if found else None,
        window=_window(words, now),
        verb=verb,
        compares=compares,
        other=other,
        about_nothing=intent is Intent.WHY_NOT and action is None and not compares,
        strange=strange,
    )


def _fold(text: str) -> str:
    plain = (
        unicodedata.normalize("NFKC", text)
        .casefold()
        .replace("’", "'")
        .replace("‘", "'")
        .replace("fine_tune", "finetune")
    )
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())


def _spell_out(line: str) -> str:
    for pattern, plain in SPELT_OUT:
        line = re.sub(pattern, plain, line)
    return line


def _take_name(line: str, names: Iterable[str]) -> tuple[str | None, str]:
    """Find the longest known name in `line`; return it and the line with § in its place."""
    for name in sorted(names, key=lambda n: (-len(n), n)):
        folded = _fold(name)
        plain_word = all(part in KNOWN_WORDS for part in folded.split())
        wanted = rf"[\"'`]{re.escape(folded)}[\"'`]" if plain_word else rf"(?<![\w-]){re.escape(folded)}(?![\w-])"
        if re.search(wanted, line):
            return name, re.sub(wanted, "§", line)
        if plain_word and re.search(rf"\bmodel {re.escape(folded)}(?![\w-])", line):
            return name, re.sub(rf"\bmodel {re.escape(folded)}(?![\w-])", "§", line)
    return _take_loose_name(line, names)


def _take_loose_name(line: str, names: Iterable[str]) -> tuple[str | None, str]:
    """Find a name that is spelt with a space for its hyphen, or the other way round."""
    for name in sorted(names, key=lambda n: (-len(n), n)):
        parts = [part for part in re.split(r"[-_.\s]+", _fold(name)) if part]
        if len(parts) < 2 or all(part in VOCABULARY for part in parts):
            continue
        wanted = rf"(?<![\w-]){r'[-_. ]?'.join(map(re.escape, parts))}(?![\w-])"
        if re.search(wanted, line):
            return name, re.sub(wanted, "§", line)
    return None, line


def _take_misspelt_name(line: str, names: Iterable[str]) -> tuple[str | None, str]:
    folded = {_fold(name): name for name in names if _fold(name) not in KNOWN_WORDS}
    for token in re.findall(r"[^\s,;:!?\"'()]{4,}", line):
        word = token.rstrip(".")
        if word in KNOWN_WORDS:
            continue
        close = difflib.get_close_matches(word, folded, n=1, cutoff=0.84)
        if close:
            return folded[close[0]], line.replace(word, "§", 1)
    return None, line


def _stranger(line: str) -> str | None:
    """Find what is used as a model's name: quoted, spelt like an identifier, or standing where a name stands."""
    quoted = QUOTED.search(line)
    if quoted and quoted.group(1) not in KNOWN_WORDS and " not " not in f" {quoted.group(1)} ":
        return str(quoted.group(1))[:60]
    spelt = _spell_out(line)
    for token in re.findall(r"[^\s,;:!?\"'()#]+", spelt):
        word: str = token.strip(".")
        if re.search(r"[a-z].*[-_.0-9]|[0-9].*[-_.a-z]", word) and not _close_to_known(word):
            return word[:60]
    placed = re.search(r"\b(?:models?|about|for|of|on|is|are|with) (?:the )?([^\s,;:!?\"'()#§]+)", spelt)
    word = placed.group(1).strip(".") if placed else ""
    return word[:60] if len(word) > 2 and not _close_to_known(word) else None


def _close_to_known(word: str) -> bool:
    plain = word.replace("-", "")
    return (
        plain in VOCABULARY or plain.isdigit() or bool(difflib.get_close_matches(plain, KNOWN_WORDS, n=1, cutoff=0.78))
    )


def _corrected(line: str) -> str:
    """Correct small typing errors towards the words that mean something here."""
    return " ".join(_correct(word) for word in re.findall(r"[a-z]+|[0-9]+|[#§]", line))


def _correct(word: str) -> str:
    if len(word) < 4 or word in VOCABULARY or not word.isalpha():
        return word
    close = difflib.get_close_matches(word, MEANINGFUL, n=1, cutoff=0.81)
    return close[0] if close and close[0][0] == word[0] else word


def _intent(words: str, *, names_something: bool, asks: bool) -> tuple[Intent, str]:
    verb = _request(words, asks)
    if verb:
        return Intent.ACT, verb
    for intent, pattern in PATTERNS:
        if pattern.search(words):
            return intent, ""
    if _action(words):
        return Intent.DID, ""
    return (Intent.WHY if "#" in words else Intent.STATUS if names_something else Intent.UNKNOWN), ""


def _request(words: str, asks: bool) -> str:
    """Return the verb of a request to act. `Retrain?` asks about it; `Can you retrain?` wants it."""
    if CONSENT.match(words):
        return "approve" if not re.search(r"\b(?:reject|rejected|denied)\b", words) else "reject"
    match = IMPERATIVE.match(words)
    if match is None or match["verb"] not in ACT_VERBS or (asks and not match["asked"]):
        return ""
    return match["verb"]


def _strange(words: str) -> tuple[str, ...]:
    """Return the words that nothing on record is about, each once; those nearly spelt like a known one are none."""
    return tuple(
        dict.fromkeys(
            word
            for word in words.split()
            if len(word) > 2
            and word.isalpha()
            and word not in VOCABULARY
            and not any(near[0] == word[0] for near in difflib.get_close_matches(word, VOCABULARY, n=3, cutoff=0.85))
        )
    )


def _unheld(intent: Intent, words: str, strange: tuple[str, ...], stranger: str | None) -> bool:
    """Whether no record can answer it: something nobody here knows is asked about, and no action of AURORA's."""
    if intent in (Intent.ACT, Intent.HELP) or not strange:
        return False
    if intent is Intent.UNKNOWN:
        return bool(re.match(r"(?:what|who|whose|where|when|which|how|why|is|are|was|were|do|does|did|can)\b", words))
    if set(strange) <= set(re.findall(r"[a-z]+", stranger or "")):
        return False
    named = next((word for word in words.split() if word in ACTION_OF), None)
    by_pattern = any(pattern.search(words) for one, pattern in PATTERNS if one is intent)
    return not (named and by_pattern and intent is not Intent.STATUS) or bool(
        re.search(rf"\b{named} (?:the )?(?:{'|'.join(strange)})\b", words)
    )


def _no_deed(words: str) -> str:
    """Return what AURORA is said to have done where that is none of its actions."""
    said = re.search(
        r"\bwhy (?:did|have|has|would|do|does) (?:you|aurora)(?: (?:just|even|only|always|ever|suddenly))* ([a-z]+)",
        words,
    )
    return said[1] if said and said[1] not in DEEDS else ""


def _compared(words: str) -> tuple[bool, Action | None, Action | None]:
    """Return whether it asks why one action and not another, and which two; the second may be any that is more."""
    halves = re.split(r"\b(?:instead of|rather than|and not|but not)\b", words, maxsplit=1)
    if len(halves) == 2:
        taken, other = map(_action, halves)
        return taken is not None and " not " not in halves[0], taken, other
    only = re.search(r"\b(?:only|merely|simply|why just)\b", words)
    taken = _action(words)
    return bool(only and taken is not None and " not " not in words), taken, None


def _action(words: str) -> Action | None:
    return next((ACTION_OF[word] for word in words.split() if word in ACTION_OF), None)


def _asks_why_nothing(words: str) -> bool:
    """Whether it asks why nothing was done, and not why doing nothing was not chosen."""
    return _action(words) is Action.NO_ACTION and " not " not in words


def _window(words: str, now: datetime) -> Window | None:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if re.search(r"\btoday\b|\bthis (?:morning|afternoon|evening)\b", words):
        return Window(midnight, now, "today (UTC)")
    if re.search(r"\byesterday\b|\blast night\b", words):
        end = now if "night" in words else midnight
        return Window(midnight - timedelta(days=1), end, "since yesterday" if "night" in words else "yesterday (UTC)")
    match = re.search(r"\b(?:last|past|this|within|previous) (?:(\d{1,4}) )?(minute|hour|day|week|month)s?\b", words)
    if not match:
        return None
    number, unit = int(match[1] or 1), match[2]
    span = timedelta(seconds=number * _UNITS[unit])
    return Window(now - span, now, f"in the last {number} {unit}s" if number > 1 else f"in the last {unit}")
