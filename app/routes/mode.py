"""How much AURORA may do on the whole installation; `stopped` is the kill switch."""

from typing import Annotated

from fastapi import APIRouter, Body

from app.auth import Role
from app.routes import examples
from app.routes.route import By, Installation, Route, role
from app.schemas import ModeChange, ModeView
from aurora import Aurora

router = APIRouter(route_class=Route, tags=["mode"])


@router.get("/api/mode", openapi_extra=role(Role.VIEWER), responses=examples.shown(examples.MODE_VIEW))
def mode(aurora: Installation) -> ModeView:
    """Tell the mode of the whole installation."""
    return _view(aurora)


@router.put("/api/mode", openapi_extra=role(Role.ADMIN), responses=examples.shown(examples.MODE_VIEW))
def put_mode(
    change: Annotated[ModeChange, Body(openapi_examples=examples.sent(ask=examples.MODE))],
    aurora: Installation,
    caller: By,
) -> ModeView:
    """Set the mode of the whole installation; it is kept over restarts."""
    aurora.ledger.installation.set_mode(change.mode, change.reason, caller.owner)
    return _view(aurora)


def _view(aurora: Aurora) -> ModeView:
    record = aurora.ledger.installation.mode_record()
    return ModeView.model_validate(record.model_dump(include=set(ModeView.model_fields)))
