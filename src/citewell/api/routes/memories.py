"""Facts that people want kept in mind: seen, added, changed and erased by themselves."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from citewell.api.deps import AppDep, Caller, RequestKeyDep
from citewell.api.guard import OWN_DATA, GuardedRoute, allow
from citewell.api.preconditions import CONDITIONAL, PreconditionDep, tagged
from citewell.api.schemas.memories import MemoryChange, MemoryList, MemoryShown, NewMemory
from citewell.chat.memories import Memories
from citewell.domain.ids import MemoryId

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/memories", tags=["memories"])


async def _memories(app: AppDep) -> Memories:
    return Memories(app.database)


MemoriesDep = Annotated[Memories, Depends(_memories)]


@router.get("", summary="List what is kept in mind about you")
@allow(OWN_DATA)
async def list_memories(caller: Caller, memories: MemoriesDep) -> MemoryList:
    """The newest first; all of it, since there are few."""
    found = await memories.all(caller)
    return MemoryList(items=[MemoryShown.model_validate(one) for one in found])


@router.post("", status_code=201, summary="Have a fact kept in mind")
@allow(OWN_DATA)
async def create_memory(
    body: NewMemory, caller: Caller, memories: MemoriesDep, once: RequestKeyDep
) -> MemoryShown:
    """Only with your consent to the purpose `memory` (`PUT /api/v1/privacy/consents`)."""
    return MemoryShown.model_validate(await memories.add(caller, body.text, once=once))


@router.patch("/{memory_id}", summary="Say a fact in other words", responses=CONDITIONAL)
@allow(OWN_DATA)
async def change_memory(
    memory_id: UUID,
    body: MemoryChange,
    caller: Caller,
    memories: MemoriesDep,
    only_if: PreconditionDep,
) -> MemoryShown:
    """The next question is asked with the new words."""
    wanted = MemoryId(memory_id)
    changed = await memories.change(caller, wanted, body.text, seen=only_if.seen)
    return tagged(only_if.response, changed, MemoryShown.model_validate(changed))


@router.delete("/{memory_id}", status_code=204, summary="Have a fact forgotten")
@allow(OWN_DATA)
async def delete_memory(memory_id: UUID, caller: Caller, memories: MemoriesDep) -> Response:
    """It is in no question from now on."""
    await memories.delete(caller, MemoryId(memory_id))
    return Response(status_code=204)
