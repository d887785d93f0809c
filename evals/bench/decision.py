"""One decision without a language model, beside a graph of the same shape that decides nothing.

The product gets telemetry of a saturated service while AURORA is stopped, so that every turn takes the whole way
(observe, plan, critique, rule, learn, report) and leaves the world as it was: both recalls are made, the gate refuses,
the case is written down and indexed. The floor runs empty nodes of the same names on LangGraph's own SQLite
checkpointer, embeds one text, asks Chroma for the collections that the product's two recalls name, and inserts one
vector.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.to_thread import run_sync
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from aurora import Aurora
from aurora.bootstrap import utc_now
from aurora.domain import Action, Mode
from aurora.graph.state import Request
from aurora.memory import Embedder, partitions
from aurora.memory.fusion import fused
from aurora.memory.homes import Directory
from aurora.memory.index import embedded, prefix
from aurora.memory.partitions import FAILED, SEEN, SIMULATED, TOLD, WORKED
from aurora.settings import Settings
from evals.bench.cases import AT_ONCE, case, cloud, numbers, text, write
from evals.bench.measure import Result, Target, Tell, by_turns

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from langgraph.graph.state import CompiledStateGraph

    Graph = CompiledStateGraph[Request, None, Request, Request]

CASES = 10_000
TURNS = 60
TARGET = Target(1.5)
NODES = ("observe", "plan", "critique", "rule", "learn", "report")
RESULTS = 10
"""What the product asks of a partition at first: twice the five that are shown."""
READY_SECONDS = 300.0

Told = dict[str, Any]


def run(cases: int, turns: int, tell: Tell) -> list[Result]:
    """Fill two equal memories, and decide with the one and the other by turns."""
    with tempfile.TemporaryDirectory(prefix="aurora-bench-") as folder:
        home, beside = Path(folder) / "home", Path(folder) / "floor"
        settings = Settings(home=home, _env_file=None)
        _fill(settings, cases, tell)
        beside.mkdir()
        shutil.copytree(home / "chroma", beside / "chroma")
        with Aurora.open(settings) as aurora, _floor(beside) as floor:
            _wait_for_memory(aurora)
            aurora.ledger.installation.set_mode(Mode.STOPPED, "A benchmark.", "bench")
            product = partial(_decide, aurora)
            took = by_turns(product, floor.turn, turns, tell)
            return [took.result(f"One decision, {cases:,} cases in memory", FLOOR, TARGET)]


FLOOR = "Empty graph of the same shape, one embedding, the two recalls' queries, one insert"


def _decide(aurora: Aurora, turn: int) -> None:
    answer = aurora.analyze(telemetry(turn))
    if (answer.status, answer.planner_decision and answer.planner_decision.decision_type) != ("rejected", Action.SCALE):
        raise RuntimeError(f"The decision took another way than the floor's graph: {answer.status}")


def telemetry(turn: int) -> Told:
    """Return the look at a saturated service; each turn has another text to embed."""
    return {
        "model_name": "checkout-ranker",
        "model_metrics": {"accuracy": 0.9, "latency_ms": 650 + turn, "throughput_rps": 120},
        "baseline": {"accuracy": 0.9, "latency_ms": 200, "throughput_rps": 60},
        "system_load": {"cpu_usage": 0.93},
        "traffic": {"rps_baseline": 60},
    }


def _fill(settings: Settings, cases: int, tell: Tell) -> None:
    """Write the cases into ledger and index of a home that nobody has open."""
    entries = [case(number, simulated=True) for number in range(cases)]
    with Aurora.open(settings) as aurora:
        _wait_for_memory(aurora)
        for start in range(0, cases, AT_ONCE):
            ids = aurora.ledger.entries.add(entries[start : start + AT_ONCE])
            aurora.ledger.entries.mark_indexed(list(aurora.ledger.entries.many(ids).values()))
    embedder = Embedder()
    place = Directory(settings.home / "chroma", utc_now)
    place.claim()
    try:
        place.prepare()
        index = place.open(embedder.fingerprint)
        for done in write(index, entries, cloud(embedder).vectors(cases, seed=1), partitions.places):
            tell(done, cases)
        index.close()
        place.settled()
    finally:
        place.release()


def _wait_for_memory(aurora: Aurora) -> None:
    if not aurora.memory.wait_ready(READY_SECONDS):
        raise RuntimeError(f"The memory is not ready: {aurora.memory.status().detail}")


# --- the floor -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Floor:
    """What has to be done in any case, with nothing around it."""

    portal: BlockingPortal
    graph: "Graph"
    embedder: Embedder
    asked: Sequence[tuple["Collection", bool]]
    """The collections, and whether their vectors hold numbers too."""
    home: "Collection"

    def turn(self, turn: int) -> None:
        """Run the graph to its end, then embed, ask and insert."""
        self.portal.call(self._turn, turn)

    async def _turn(self, turn: int) -> None:
        config: RunnableConfig = {"configurable": {"thread_id": f"floor-{turn}"}}
        await self.graph.ainvoke(Request(decision_id=f"floor-{turn}"), config, durability="sync")
        await run_sync(self._remember, turn)

    def _remember(self, turn: int) -> None:
        words = self.embedder.embed([f"{text(turn)} Turn {turn}."])[0]
        told: list[Sequence[float] | Sequence[int]] = [words]
        seen: list[Sequence[float] | Sequence[int]] = [fused(words, numbers(turn), utc_now())]
        for collection, is_fused in self.asked:
            collection.query(query_embeddings=seen if is_fused else told, n_results=RESULTS, include=["distances"])
        self.home.upsert(ids=[f"floor-{turn}"], embeddings=told)


@contextmanager
def _floor(folder: Path) -> Iterator[Floor]:
    embedder = Embedder()
    client = embedded(folder / "chroma")
    before = prefix(embedder.fingerprint)
    found = {one.name.removeprefix(before): one for one in client.list_collections()}
    try:
        with (
            start_blocking_portal("asyncio") as portal,
            portal.wrap_async_context_manager(_graph(folder)) as graph,
        ):
            questions = [(found[place], partitions.is_fused(place)) for place in asked() if place in found]
            yield Floor(portal, graph, embedder, questions, found[f"{SIMULATED}-{TOLD}"])
    finally:
        client.close()


def asked() -> tuple[str, ...]:
    """Return the partitions that the two recalls of the decision ask."""
    alike = (place for trust in (SEEN, TOLD) for place in partitions.alike(trust, simulated=True))
    ended = (
        place
        for end in (FAILED, WORKED)
        for trust in (SEEN, TOLD)
        for place in partitions.turned_out(Action.SCALE, end, trust, simulated=True)
    )
    return (*alike, *ended)


@asynccontextmanager
async def _graph(folder: Path) -> AsyncIterator["Graph"]:
    async with AsyncSqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
        graph = StateGraph(Request)
        for name in NODES:
            graph.add_node(name, _nothing)
        for one, next_ in zip((START, *NODES), (*NODES, END), strict=True):
            graph.add_edge(one, next_)
        yield graph.compile(checkpointer=saver)


async def _nothing(state: Request) -> dict[str, Any]:  # noqa: ARG001 - LangGraph wants it by this name
    return {}
