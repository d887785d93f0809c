"""Memory: what AURORA remembers, found again by what it means. Importing this loads neither Chroma nor a model."""

from aurora.memory.embedding import Embedder
from aurora.memory.memory import Memory

__all__ = ["Embedder", "Memory"]
