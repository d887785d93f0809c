"""Questions in plain words, answered from the record."""

from typing import Annotated

from fastapi import APIRouter, Body

from app.auth import Role
from app.chat import ChatAnswer
from app.routes import examples
from app.routes.route import Route, Talk, role
from app.schemas import ChatMessage

router = APIRouter(route_class=Route, tags=["chat"])


@router.post("/api/chat", openapi_extra=role(Role.OPERATOR), responses=examples.shown(examples.CHAT_REPLY))
def chat(
    turn: Annotated[ChatMessage, Body(openapi_examples=examples.sent(why=examples.CHAT))], talk: Talk
) -> ChatAnswer:
    """Answer a question about what was decided and why. A chat only ever answers: it settles and changes nothing."""
    return talk.answer(turn.message, turn.thread_id)
