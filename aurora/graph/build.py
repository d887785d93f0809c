"""The loop: one LangGraph thread per decision. This file is the diagram."""

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from aurora.graph.approver import approve
from aurora.graph.critic import critique
from aurora.graph.deps import Run
from aurora.graph.edges import did_it_help, is_the_plan_sound, may_it_run, was_it_done, what_did_the_person_say
from aurora.graph.executor import execute
from aurora.graph.gate import rule
from aurora.graph.learner import learn, report
from aurora.graph.observer import observe
from aurora.graph.planner import plan
from aurora.graph.recorded import Node
from aurora.graph.state import Answer, Request, State
from aurora.graph.undoer import undo
from aurora.graph.verifier import verify, watch

Graph = CompiledStateGraph[State, Run, Request, Answer]
NODES: tuple[Node, ...] = (observe, plan, critique, rule, approve, execute, watch, verify, undo, learn, report)


def build_graph(checkpointer: BaseCheckpointSaver[str] | None = None) -> Graph:
    """Return the compiled loop; without a checkpointer it can be drawn but not interrupted."""
    graph = StateGraph(State, context_schema=Run, input_schema=Request, output_schema=Answer)
    for node in NODES:
        graph.add_node(node.__name__, node)

    graph.add_edge(START, "observe")
    graph.add_edge("observe", "plan")
    graph.add_edge("plan", "critique")
    graph.add_conditional_edges("critique", is_the_plan_sound)
    graph.add_conditional_edges("rule", may_it_run)
    graph.add_conditional_edges("approve", what_did_the_person_say)
    graph.add_conditional_edges("execute", was_it_done)
    graph.add_edge("watch", "verify")
    graph.add_conditional_edges("verify", did_it_help)
    graph.add_edge("undo", "learn")
    graph.add_edge("learn", "report")
    graph.add_edge("report", END)
    return graph.compile(checkpointer=checkpointer, name="aurora")
