"""The loop as `langgraph.json` names it: a server of graphs hands its own configuration to a factory's first argument,
so it wants one without any. For looking at the graph; decisions are made by `aurora serve`, which binds its parts."""

from aurora.graph.build import Graph, build_graph


def graph() -> Graph:
    """Return the compiled loop, without a checkpointer."""
    return build_graph()
