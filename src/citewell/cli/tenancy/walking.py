"""Sends every cell to a running server and keeps what came back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from citewell.cli.tenancy.calling import Answer, Line
from citewell.cli.tenancy.cast import Caller, Carrier, Kind, Person, Whose, carried
from citewell.cli.tenancy.cells import (
    Cell,
    Naming,
    cells,
    consumed,
    namings,
    request_of,
)
from citewell.cli.tenancy.contract import Operation
from citewell.cli.tenancy.fields import Rule

AT_ONCE = 6

Fresh = Callable[[Kind, Person], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A cell, what it sent without the credential, and the answer."""

    cell: Cell
    sent: str
    answer: Answer


@dataclass(slots=True)
class Walk:
    """The walk over HTTP; `fresh` makes a thing of a person's for a call that uses it up."""

    line: Line
    callers: Sequence[Caller]
    operator: Caller
    fresh: Fresh
    _cursors: dict[tuple[str, str], str] = field(default_factory=dict)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def route(self, operation: Operation) -> list[Exchange]:
        """Every cell of a route."""
        found: list[Exchange] = []
        for naming in namings(operation):
            every = list(cells(operation, naming, self.callers))
            # Whoever changes a thing must not meet another one who does.
            beside = [cell for cell in every if _changes_nothing(cell)]
            found += await asyncio.gather(*(self._call(cell) for cell in beside))
            found += [await self._call(cell) for cell in every if not _changes_nothing(cell)]
            if not is_reached(naming, found):
                found += [await self._call(c) for c in self._operator_cells(operation, naming)]
        return found

    def _operator_cells(self, operation: Operation, naming: Naming) -> list[Cell]:
        every = cells(operation, naming, (self.operator,))
        return [cell for cell in every if cell.whose is Whose.OWN]

    async def _call(self, cell: Cell) -> Exchange:
        async with self._turns:
            request = request_of(cell, await self._given(cell))
            headers = {**request.headers, **carried(cell.caller.person, cell.carrier)}
            answer = await self.line.send(
                request.method, request.path, headers=headers, **request.options()
            )
        return Exchange(cell, request.sent, answer)

    async def _given(self, cell: Cell) -> dict[Kind, str]:
        if Kind.CURSOR in cell.naming.kinds:
            return {Kind.CURSOR: await self._cursor(cell)}
        kind = consumed(cell.operation)
        is_named = kind in cell.naming.kinds and cell.whose in {Whose.FOREIGN, Whose.MISSING}
        may_succeed = cell.caller.is_owner or kind is Kind.USER
        if kind is None or is_named or not may_succeed:
            return {}
        home, is_private = cell.caller.home, cell.whose is Whose.COLLEAGUE
        maker = home.colleague if is_private and kind in cell.naming.kinds else home.owner
        return {kind: await self.fresh(kind, maker)}

    async def _cursor(self, cell: Cell) -> str:
        """Where the other tenant's first page ends."""
        other = next(one for one in self.callers if one.is_owner and one.home is cell.caller.other)
        place = cell.operation.id, other.name
        if place not in self._cursors:
            there = Cell(cell.operation, Naming(), Whose.OWN, other, Carrier.BEARER)
            headers = carried(other.person, there.carrier)
            path = request_of(there, {}).path
            answer = await self.line.send("GET", path, headers=headers, params={"limit": "1"})
            self._cursors[place] = cursor_in(answer) or ""
        return self._cursors[place]


def is_reached(naming: Naming, exchanges: Sequence[Exchange]) -> bool:
    """Whether somebody got to their own thing: only then does a refusal mean anything."""
    if naming.fields and naming.rule is not Rule.HIDDEN:
        return True
    own = [
        e for e in exchanges if e.cell.naming.title == naming.title and e.cell.whose is Whose.OWN
    ]
    return any(_is_met(e.cell.operation, e.answer) for e in own)


def _is_met(operation: Operation, answer: Answer) -> bool:
    """Whether a route has done its work; a conflict tells of a thing that was found."""
    if operation.public and not namings(operation)[0].fields:
        # Nothing is told to somebody unknown: it is enough that the request was understood.
        return 0 < answer.status < 500 and answer.status not in {405, 422}
    return answer.is_success or (answer.status == 409 and operation.method != "GET")


def cursor_in(answer: Answer) -> str | None:
    """The `next_cursor` of a page."""
    try:
        page = answer.json()
    except ValueError:
        return None
    found = page.get("next_cursor") if isinstance(page, dict) else None
    return found if isinstance(found, str) else None


def _changes_nothing(cell: Cell) -> bool:
    refused = cell.naming.rule is Rule.HIDDEN and cell.whose in {Whose.FOREIGN, Whose.MISSING}
    return cell.operation.method == "GET" or refused
