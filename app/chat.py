"""One turn of the chat: text in, an answer from the record out. No HTTP, no language model, and nothing that can act.

What no record holds is said to be unknown. A follow-up ("why?", "did it help?") is about what its thread last
talked of; threads live in memory only and the oldest are forgotten.
"""

import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

from app import chat_answers as answers
from app import chat_overviews as overviews
from app.chat_focus import Thread, find_all, find_one, find_where_not_done, none_on_record
from app.chat_question import Question, understand
from app.chat_records import PAGE, Case, Records, find_decision, model_names, newest_first, read_case
from app.chat_words import Intent
from aurora.domain import Action, Outcome, Status, Value

if TYPE_CHECKING:
    from aurora.ledger.records import DecisionRecord

THREADS = 1000
LISTED = 10
"""How many decisions, models or open questions an answer lists."""


class Citation(Value):
    """A decision that an answer rests on."""

    decision_id: str
    model_name: str
    decision_type: Action | None
    status: Status
    outcome: Outcome | None
    created_at: datetime
    simulated: bool


class ChatAnswer(Value):
    """What came of one turn."""

    answer: str
    citations: tuple[Citation, ...] = ()
    thread_id: str


@dataclass(frozen=True)
class _Reply:
    """An answer before it is signed: its text and the decisions it rests on, the one talked about first."""

    text: str
    rests_on: tuple["DecisionRecord", ...] = ()
    model: str | None = None


_ABOUT_ONE: dict[Intent, Callable[[Case], str]] = {
    Intent.WHY: answers.why,
    Intent.DID: answers.why,
    Intent.OUTCOME: answers.did_it_help,
    Intent.RECALLED: answers.recalled,
    Intent.CONFIDENCE: answers.how_confident,
    Intent.WHO: answers.who,
    Intent.FLIP: answers.flip,
    Intent.ALTERNATIVES: answers.alternatives,
    Intent.JOB: answers.job,
    Intent.COST: answers.cost,
}
"""The questions about one decision, and what answers each."""


class Chat:
    """Answers questions from `records`; safe to use from several threads at once."""

    def __init__(self, records: Records, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._records = records
        self._clock = clock
        self._threads: OrderedDict[str, Thread] = OrderedDict()
        self._lock = Lock()

    def answer(self, message: str, thread_id: str | None = None) -> ChatAnswer:
        """Answer `message` in the light of what thread `thread_id` talked about; without one, begin a thread."""
        thread_id = thread_id or f"thr_{uuid.uuid4().hex}"
        thread = self._thread(thread_id)
        question = understand(message, model_names(self._records, message), self._clock())
        reply = self._reply(question, thread)
        self._remember(thread_id, reply)
        return ChatAnswer(answer=reply.text, citations=tuple(map(_cite, reply.rests_on)), thread_id=thread_id)

    def _thread(self, thread_id: str) -> Thread:
        with self._lock:
            return self._threads.get(thread_id, Thread())

    def _remember(self, thread_id: str, reply: _Reply) -> None:
        with self._lock:
            old = self._threads.pop(thread_id, Thread())
            last = reply.rests_on[0] if reply.rests_on else None
            model = reply.model or (last.model_name if last else old.model)
            self._threads[thread_id] = Thread(last.id if last else old.decision_id, model)
            while len(self._threads) > THREADS:
                self._threads.popitem(last=False)

    def _reply(self, question: Question, thread: Thread) -> _Reply:
        if question.intent is Intent.ACT:
            return self._refuse(question, thread)
        unread = self._without_record(question)
        if unread is not None:
            return _Reply(unread)
        if question.stranger is not None and question.model is None and question.decision_id is None:
            return _Reply(self._no_such_model(question.stranger))
        if question.intent in _ABOUT_ONE:
            return self._about_one(question, thread)
        return {
            Intent.WHY_NOT: self._why_not,
            Intent.RECENT: self._recent,
            Intent.STATUS: self._status,
            Intent.WAITING: self._waiting,
            Intent.COUNT: self._count,
            Intent.ADVICE: self._advise,
            Intent.MODE: self._mode,
            Intent.TAKEN_BACK: self._taken_back,
            Intent.FAILED: self._failed,
            Intent.MODELS: self._models,
            Intent.EXTREME: self._extreme,
        }[question.intent](question, thread)

    def _without_record(self, question: Question) -> str | None:
        """Answer what no record is needed for, or what none can answer."""
        if question.intent is Intent.UNHELD:
            return overviews.unheld(question.strange, self._known_models())
        if question.intent is Intent.NO_SUCH_ACTION:
            return overviews.no_such_action(question.verb)
        return {
            Intent.HELP: overviews.HELP,
            Intent.UNKNOWN: overviews.LOST,
            Intent.FUTURE: overviews.FUTURE,
        }.get(question.intent)

    # --- one decision -----------------------------------------------------------------------------------------------

    def _about_one(self, question: Question, thread: Thread) -> _Reply:
        focus = find_one(self._records, question, thread)
        if focus.decision is None:
            return _Reply(focus.note, model=question.model)
        case = read_case(self._records, focus.decision)
        said = _ABOUT_ONE[question.intent](case) if focus.found else answers.headline(case)
        return _Reply("\n".join(filter(None, (focus.note, said))), (focus.decision,))

    def _why_not(self, question: Question, thread: Thread) -> _Reply:
        if question.compares:
            return self._compare(question, thread)
        focus = find_where_not_done(self._records, question, thread)
        if focus.decision is None:
            return _Reply(focus.note, model=question.model)
        case = read_case(self._records, focus.decision)
        done = case.decision.status is Status.EXECUTED and case.action is not Action.NO_ACTION
        if done and question.action in (None, case.action):
            said = f"I did act. {answers.why(case)}"
        else:
            said = answers.why_not(case, question.action)
        return _Reply("\n".join(filter(None, (focus.note, said))), (focus.decision,))

    def _compare(self, question: Question, thread: Thread) -> _Reply:
        """Answer why one action and not another; where the other was done instead, say so and why not the one."""
        focus, other = find_one(self._records, question, thread), question.other
        if not focus.found and other is not None:
            turned = find_one(self._records, replace(question, action=other), thread)
            if turned.found and turned.decision is not None:
                focus, other = (
                    replace(turned, note=f"It was the other way round. {turned.note}".strip()),
                    question.action,
                )
        if focus.decision is None:
            return _Reply(focus.note, model=question.model)
        case = read_case(self._records, focus.decision)
        said = answers.compared(case, other) if focus.found else answers.headline(case)
        return _Reply("\n".join(filter(None, (focus.note, said))), (focus.decision,))

    # --- several decisions ------------------------------------------------------------------------------------------

    def _recent(self, question: Question, thread: Thread) -> _Reply:
        if question.decision_id is not None:
            return self._about_one(_asking(question, Intent.WHY), thread)
        fitting = tuple(islice(find_all(self._records, question), LISTED + 1))
        if not fitting:
            return self._nothing_of_the_kind(question)
        shown = fitting[:LISTED]
        what = "decision" if len(shown) == 1 else f"{len(shown)} decisions"
        title = f"The {'newest ' if len(fitting) > LISTED else ''}{what} on record{_about(question)}:"
        return _Reply("\n".join([title, *map(overviews.line, shown)]), shown, question.model)

    def _nothing_of_the_kind(self, question: Question) -> _Reply:
        last = next(newest_first(self._records, question.model, most=1), None)
        note = none_on_record(question, question.model, last)
        return _Reply(f"{note}\n{overviews.line(last)}" if last else note, (last,) if last else (), question.model)

    def _count(self, question: Question, thread: Thread) -> _Reply:
        if question.decision_id is not None:
            return self._about_one(_asking(question, Intent.WHY), thread)
        fitting = tuple(find_all(self._records, question))
        text = overviews.counted(fitting, question.action, _about(question))
        return _Reply(text, fitting[:LISTED], question.model)

    def _waiting(self, question: Question, _thread: Thread) -> _Reply:
        page = self._records.approvals.list("waiting", 100, None)
        chosen = [a for a in page.items if question.model in (None, a.model_name)]
        about = f" for {question.model}" if question.model else ""
        shown = chosen[:LISTED]
        rests_on = tuple(self._records.decisions.get(approval.decision_id) for approval in shown)
        more = page.next is not None or len(chosen) > len(shown)
        return _Reply(overviews.waiting(shown, more, about), rests_on, question.model)

    def _taken_back(self, question: Question, _thread: Thread) -> _Reply:
        undone = tuple(islice((d for d in find_all(self._records, question) if d.outcome is Outcome.UNDONE), LISTED))
        if not undone:
            what = answers.NOUN[question.action] if question.action else "action"
            return _Reply(f"No {what} was taken back{_about(question)}.", model=question.model)
        text = "\n".join([f"Actions taken back{_about(question)}:", *map(overviews.line, undone)])
        return _Reply(text, undone, question.model)

    def _failed(self, question: Question, _thread: Thread) -> _Reply:
        fitting = tuple(find_all(self._records, question))
        broken = [d for d in fitting if d.status is Status.FAILED]
        useless = [d for d in fitting if d.outcome in (Outcome.NOT_BETTER, Outcome.UNDONE)]
        text = overviews.failed(broken, useless, question.action, _about(question), LISTED)
        return _Reply(text, (*broken[:LISTED], *useless[:LISTED]), question.model)

    def _extreme(self, question: Question, _thread: Thread) -> _Reply:
        sure = [d for d in find_all(self._records, question) if d.confidence is not None]
        if not sure:
            return _Reply(f"No confidence is on record{_about(question)}.", model=question.model)
        chosen = (min if question.verb == "lowest" else max)(sure, key=lambda d: d.confidence or 0.0)
        said = f"The {question.verb} confidence{_about(question)}, of {len(sure)} on record:"
        return _Reply(f"{said}\n{overviews.line(chosen)}", (chosen,), question.model)

    # --- models -----------------------------------------------------------------------------------------------------

    def _status(self, question: Question, thread: Thread) -> _Reply:
        if question.decision_id is not None:
            return self._about_one(_asking(question, Intent.WHY), thread)
        name = question.model or (thread.model if question.bare else None)
        if name is not None:
            return self._status_of(name)
        page = self._records.models.list(LISTED, None, None)
        if not page.items:
            return _Reply("I have seen no model yet. Send telemetry first: aurora analyze FILE.")
        replies = [self._status_of(model.name) for model in page.items]
        more = [f"There are more than {LISTED} models; name one to hear about it."] if page.next else []
        text = "\n\n".join([*(reply.text for reply in replies), *more])
        return _Reply(text, tuple(d for reply in replies for d in reply.rests_on))

    def _status_of(self, name: str) -> _Reply:
        last = next(newest_first(self._records, name, most=1), None)
        case = read_case(self._records, last) if last else None
        return _Reply(overviews.state(self._records.models.get(name), case), (last,) if last else (), name)

    def _models(self, question: Question, _thread: Thread) -> _Reply:
        if question.action is not None or question.window is not None:
            done = [d for d in find_all(self._records, question) if d.status in (Status.EXECUTED, Status.NO_ACTION)]
            names = sorted({decision.model_name for decision in done})
            what = answers.NOUN[question.action] if question.action else "decision"
            return _Reply(f"{len(names)} with {answers.article(what)} {what}{_about(question)}: {_listed(names)}.")
        page = self._records.models.list(PAGE, None, None)
        names = [model.name for model in page.items]
        return _Reply(f"Models on record: {len(names)}{' or more' if page.next else ''} ({_listed(names)}).")

    def _mode(self, question: Question, _thread: Thread) -> _Reply:
        record = self._records.installation.mode_record()
        if question.model is not None:
            return _Reply(overviews.modes(record, [self._records.models.get(question.model)], False))
        page = self._records.models.list(LISTED, None, None)
        return _Reply(overviews.modes(record, page.items, page.next is not None))

    def _advise(self, question: Question, thread: Thread) -> _Reply:
        focus = find_one(self._records, _without_action(question), thread)
        how = "I answer that on fresh telemetry: aurora analyze FILE --dry-run proposes and does nothing."
        if focus.decision is None:
            return _Reply(f"{how}\n{focus.note}", model=question.model)
        last = answers.headline(read_case(self._records, focus.decision))
        return _Reply(f"{how}\nThe last decision: {last}", (focus.decision,))

    def _no_such_model(self, name: str) -> str:
        return f'I have no record of a model named "{name}". Models on record: {self._known_models()}.'

    def _known_models(self) -> str:
        page = self._records.models.list(LISTED, None, None)
        known = ", ".join(model.name for model in page.items) or "none yet"
        return f"{known}, …" if page.next else known

    # --- requests to act --------------------------------------------------------------------------------------------

    def _refuse(self, question: Question, thread: Thread) -> _Reply:
        wanted = question.decision_id or thread.decision_id
        decision = find_decision(self._records, wanted) if wanted else None
        page = self._records.approvals.list("waiting", LISTED, None)
        ids = [approval.decision_id for approval in page.items]
        if question.decision_id is not None and decision is not None and decision.id in ids:
            ids = [decision.id]
        return _Reply(overviews.refused_to_act(question.verb, decision, ids), (decision,) if decision else ())


def _cite(decision: "DecisionRecord") -> Citation:
    return Citation(
        decision_id=decision.id,
        model_name=decision.model_name,
        decision_type=decision.decision_type,
        status=decision.status,
        outcome=decision.outcome,
        created_at=decision.created_at,
        simulated=decision.simulated,
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (", …" if len(names) > LISTED else "") if names else "none"


def _asking(question: Question, intent: Intent) -> Question:
    return replace(question, intent=intent)


def _without_action(question: Question) -> Question:
    return replace(question, action=None, stranger=None)


def _about(question: Question) -> str:
    where = f" for {question.model}" if question.model else ""
    when = f" {question.window.words}" if question.window else ""
    what = f" to {question.action.value}" if question.action and question.intent is Intent.RECENT else ""
    return f"{what}{where}{when}"
