"""The walk from its first request to its verdict."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from citewell.cli.tenancy.calling import Line
from citewell.cli.tenancy.cast import Cast
from citewell.cli.tenancy.cells import ENDS_SESSIONS, consumed, namings, obstacles
from citewell.cli.tenancy.contract import Operation, Schema, operations
from citewell.cli.tenancy.judging import Leak, leaks
from citewell.cli.tenancy.sockets import SocketWalk, messages
from citewell.cli.tenancy.walking import Exchange, Fresh, Walk, is_reached
from citewell.domain.errors import AppError

Tell = Callable[[str], None]
# The forms of its body; most have one.
Route = tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Walked:
    """A route after the walk; `obstacle` says why it was not walked, or not all of it."""

    title: str
    cells: int
    leaks: tuple[Leak, ...] = ()
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the walk has found."""

    routes: tuple[Walked, ...]
    seconds: float

    @property
    def cells(self) -> int:
        """How many calls were made and judged."""
        return sum(one.cells for one in self.routes)

    @property
    def leaks(self) -> list[Leak]:
        """Every leak."""
        return [leak for one in self.routes for leak in one.leaks]

    @property
    def not_walked(self) -> list[Walked]:
        """The routes of which nothing, or not everything, is known."""
        return [one for one in self.routes if one.obstacle]


async def examine(line: Line, document: Schema, cast: Cast, fresh: Fresh, tell: Tell) -> Verdict:
    """Walk every route of the document and every message of the WebSocket."""
    began, callers = time.monotonic(), cast.callers()
    walk = Walk(line, callers, cast.operator(), fresh)
    routes = _routes(document)
    tell(f"Walking {len(routes)} routes and {len(messages())} messages…")
    reads = [one for one in routes if one[0].method == "GET"]
    changes = sorted((one for one in routes if one not in reads), key=_turn)
    last = [one for one in changes if one[0].id in ENDS_SESSIONS]
    # Whoever reads may do so beside whoever changes something.
    async with asyncio.TaskGroup() as group:
        heard = group.create_task(SocketWalk(line, callers).all())
        read = group.create_task(_all(walk, cast, reads))
        changed = group.create_task(_all(walk, cast, changes[: len(changes) - len(last)]))
    said = heard.result()
    found = [
        _judged((one,), [e for e in said if e.cell.operation.id == one.id], _obstacle((one,), cast))
        for one in messages()
    ]
    found += [*read.result(), *changed.result(), *await _all(walk, cast, last)]
    return Verdict(tuple(found), time.monotonic() - began)


def _routes(document: Schema) -> list[Route]:
    by_title: dict[str, list[Operation]] = {}
    for operation in operations(document):
        by_title.setdefault(operation.title, []).append(operation)
    return [tuple(forms) for forms in by_title.values()]


def _turn(route: Route) -> int:
    """What uses things up comes late, what ends a session last."""
    if route[0].id in ENDS_SESSIONS:
        return 2 + ENDS_SESSIONS.index(route[0].id)
    return 1 if consumed(route[0]) else 0


async def _all(walk: Walk, cast: Cast, routes: Sequence[Route]) -> list[Walked]:
    return [await _one(walk, cast, route) for route in routes]


async def _one(walk: Walk, cast: Cast, route: Route) -> Walked:
    exchanges: list[Exchange] = []
    obstacle = _obstacle(route, cast)
    try:
        for form in route if not obstacle else ():
            exchanges += await walk.route(form)
    except AppError as error:
        obstacle = error.message
    return _judged(route, exchanges, obstacle)


def _obstacle(route: Route, cast: Cast) -> str:
    return next((why for form in route for why in obstacles(form, cast)), "")


def _judged(route: Route, exchanges: list[Exchange], obstacle: str) -> Walked:
    return Walked(
        route[0].title,
        len(exchanges),
        tuple(leaks(exchanges)),
        obstacle or _not_reached(route, exchanges) or _broken(exchanges),
    )


def _not_reached(route: Route, exchanges: Sequence[Exchange]) -> str:
    """One form of a body is enough: another one may need what this installation has not."""
    for naming in (naming for form in route for naming in namings(form)):
        if not is_reached(naming, exchanges):
            of_it = [one for one in exchanges if one.cell.naming.title == naming.title]
            statuses = sorted({one.answer.status for one in of_it})
            named = f" by its {naming.title}" if naming.fields else ""
            return f"nobody got to their own thing{named}; answers were {statuses}"
    return ""


def _broken(exchanges: Sequence[Exchange]) -> str:
    for one in exchanges:
        status = one.answer.status
        if status == 0:
            return f"no whole answer to {one.cell.title}"
        if status == 429 or status >= 500:
            return f"{status} was the answer to {one.cell.title}"
    return ""
