"""What is done for a question: one look, several that feed each other, or a team."""

import re
from collections.abc import Mapping, Set
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from citewell.agent.planning.unusable import NoCounselError

MOST_HOPS = 4
MOST_CHARACTERS = 200

_PLACE = re.compile(r"\{(\d)\}")


class Route(StrEnum):
    """How a question is answered."""

    CONVERSATION = "conversation"
    """From what was said before; nothing is looked up."""
    LOOK_UP = "look_up"
    HOPS = "hops"
    TEAM = "team"


class Source(StrEnum):
    """Where a hop looks; the others give a few words to one that looks in documents."""

    DOCUMENTS = "documents"
    RECORDS = "records"
    WEB = "web"


class Hop(BaseModel):
    """One look: `{1}` in what it asks is the answer of the first hop, which it then needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asks: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
    needs: tuple[int, ...] = ()
    source: Source = Source.DOCUMENTS

    def asked(self, answers: Mapping[int, str]) -> str:
        """What it asks once the answers that it needs are known; raises `KeyError` before."""
        return _PLACE.sub(lambda found: answers[int(found[1])], self.asks)


class Plan(BaseModel):
    """A route with its hops, numbered from 1; a hop needs earlier ones only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    route: Route
    hops: Annotated[tuple[Hop, ...], Field(max_length=MOST_HOPS)] = ()

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        for number, hop in enumerate(self.hops, start=1):
            if set(hop.needs) != {int(place) for place in _PLACE.findall(hop.asks)}:
                raise ValueError(f"hop {number} does not name in braces exactly what it needs")
            if any(not 1 <= one < number for one in hop.needs):
                raise ValueError(f"hop {number} needs one that does not come before it")
        needed = {one for hop in self.hops for one in hop.needs}
        for number, hop in enumerate(self.hops, start=1):
            if hop.source is not Source.DOCUMENTS and number not in needed:
                raise ValueError(f"no hop asks with what hop {number} finds in {hop.source}")
        if bool(self.hops) != (self.route in WITH_HOPS):
            raise ValueError(f"the route {self.route} has {len(self.hops)} hops")
        return self


WITH_HOPS = frozenset({Route.HOPS, Route.TEAM})
ONE_LOOK = Plan(route=Route.LOOK_UP)


def read_plan(text: str, routes: Set[Route], sources: Set[Source]) -> Plan:
    """A plan as a model has written it, in JSON. Raises `NoCounselError` for any other text.

    Only what is offered is accepted.
    """
    try:
        plan = Plan.model_validate_json(text, strict=False)
    except ValidationError as error:
        raise NoCounselError("invalid", str(error.errors()[0]["msg"])) from error
    if plan.route not in routes or not {hop.source for hop in plan.hops} <= sources:
        raise NoCounselError("invalid", "it wants what is not offered")
    return plan
