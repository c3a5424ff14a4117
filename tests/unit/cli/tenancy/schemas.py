"""The bodies that the small server takes."""

from typing import Any

from pydantic import BaseModel, Field


class Search(BaseModel):
    query: str
    filter: dict[str, Any] = Field(default={})


class Decision(BaseModel):
    purpose: str
    given: bool
