"""Search."""

from fastapi import APIRouter

from citewell.api.deps import AppDep, Caller
from citewell.api.guard import CAN_SEARCH, GuardedRoute, allow
from citewell.api.questions import check_question
from citewell.api.schemas.search import SearchAsked, SearchShown
from citewell.domain.passages import SearchQuery

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/search", tags=["search"])


@router.post("", summary="Find passages", response_model_exclude_none=False)
@allow(CAN_SEARCH)
async def search(body: SearchAsked, caller: Caller, app: AppDep) -> SearchShown:
    """By meaning and by words; with `explain`, also what was dropped and why."""
    text = check_question(body.query, app.settings.limits.question_chars, field="query")
    inside = tuple(await app.documents.inside(caller, body.collections))
    options = body.model_dump(exclude={"query", "collections"})
    result = await app.retrieval.search(caller, SearchQuery(text, inside, **options))
    return SearchShown.of(result, explain=body.explain)
