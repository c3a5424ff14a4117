"""What a person answers to a run that waits for them, as AG-UI 1.0 has it."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool

from citewell.api.schemas.fields import Body


class DecisionGiven(Body):
    """Whether the call may run, with exactly the arguments that were shown."""

    approved: StrictBool


class ResumeEntry(Body):
    """The answer to one interrupt; `cancelled` refuses the call, and needs no `payload`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    interrupt_id: UUID = Field(alias="interruptId")
    status: Literal["resolved", "cancelled"]
    payload: DecisionGiven | None = None

    @property
    def approved(self) -> bool:
        """Nothing but a plain yes is one."""
        return self.status == "resolved" and self.payload is not None and self.payload.approved


Resume = Annotated[
    list[ResumeEntry],
    Field(min_length=1, max_length=1, description="A run waits for one answer at a time."),
]


class Resumed(Body):
    """The answer to what a run has asked."""

    resume: Resume
