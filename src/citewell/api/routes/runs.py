"""Runs: listed, looked at, followed, stopped."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response

from citewell.api import cursors
from citewell.api.deps import AppDep, Caller, Cursor, Limit, RequestKeyDep, ServerDep
from citewell.api.event_stream import EventStream
from citewell.api.guard import CAN_ASK, GuardedRoute, allow
from citewell.api.questions import resume
from citewell.api.schemas.answers import CancelRequested, RunPage, RunShown
from citewell.api.schemas.approvals import Resumed
from citewell.domain.ids import ConversationId, RunId
from citewell.domain.runs.states import RunState
from citewell.storage.repositories.conversing.runs import RunQuery

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/runs", tags=["runs"])

Number = Annotated[int, Query(ge=-1, le=2**31, description="The last event number you have.")]
LastEvent = Annotated[int | None, Header(alias="Last-Event-ID", ge=-1, le=2**31)]


async def _last(after: Number = -1, last_event_id: LastEvent = None) -> int:
    return after if last_event_id is None else last_event_id


LastDep = Annotated[int, Depends(_last)]


@dataclass(frozen=True, slots=True)
class Listing:
    """Which runs to list."""

    conversation: Annotated[UUID | None, Query(description="Of this conversation alone.")] = None
    state: RunState | None = None
    cursor: Cursor = ""
    limit: Limit = 50


@router.get("", summary="List your runs")
@allow(CAN_ASK)
async def list_runs(caller: Caller, app: AppDep, asked: Annotated[Listing, Depends()]) -> RunPage:
    """Newest first."""
    before = RunId(cursors.decode_id(asked.cursor)) if asked.cursor else None
    within = None if asked.conversation is None else ConversationId(asked.conversation)
    query = RunQuery(within, asked.state, before, asked.limit)
    found = await app.chat.page(caller, query)
    more = cursors.next_cursor([one.id for one in found], asked.limit)
    return RunPage(items=[RunShown.of(one) for one in found], next_cursor=more)


@router.get("/{run_id}", summary="Show a run")
@allow(CAN_ASK)
async def get_run(run_id: UUID, caller: Caller, app: AppDep) -> RunShown:
    """Your own runs only."""
    return RunShown.of(await app.chat.get(caller, RunId(run_id)))


@router.get(
    "/{run_id}/events",
    status_code=200,
    summary="Follow a run",
    response_class=EventStream,
    responses={204: {"description": "The run has ended and there is nothing newer."}, 410: {}},
)
@allow(CAN_ASK)
async def follow_run(
    run_id: UUID,
    caller: Caller,
    app: AppDep,
    server: ServerDep,
    last: LastDep,
) -> Response:
    """AG-UI events after the given number, then new ones until the run has ended."""
    run = await app.chat.get(caller, RunId(run_id))
    if run.state is not RunState.RUNNING and last >= run.head:
        return Response(status_code=204)
    await app.chat.check_kept(caller, run, after=last)
    events = app.chat.events(caller, run.id, after=last)
    return EventStream(events, server.vigil.over(caller, CAN_ASK.check))


@router.post("/{run_id}/cancel", status_code=202, summary="Stop a run")
@allow(CAN_ASK)
async def cancel_run(run_id: UUID, caller: Caller, app: AppDep) -> CancelRequested:
    """What was said so far is kept; no effect on a run that has ended."""
    await app.chat.cancel(caller, RunId(run_id))
    return CancelRequested(id=run_id)


@router.post(
    "/{run_id}/resume",
    status_code=202,
    summary="Answer what a run has asked",
    responses={410: {}},
)
@allow(CAN_ASK)
async def resume_run(
    run_id: UUID, body: Resumed, caller: Caller, app: AppDep, once: RequestKeyDep
) -> RunShown:
    """A run that waits for you goes on as the run that this returns: follow that one.

    What you refuse is not done, and the model is told so. An answer counts once, for exactly the
    arguments that were shown.
    """
    return RunShown.of(await resume(app, caller, RunId(run_id), body.resume, once))
