"""What all routes have in common, read from the routes themselves."""

from collections.abc import Iterator
from inspect import isclass, iscoroutinefunction

from fastapi.dependencies.models import Dependant

from citewell.api.app import guarded_routes


def needs(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from needs(one)


def test_no_request_visits_another_thread_for_what_its_route_asks_for() -> None:
    # What is no coroutine runs in a thread, and getting there takes longer than most of it.
    asked = [one.call for route in guarded_routes() for one in needs(route.dependant)]
    assert len(asked) > len(guarded_routes())
    visits = {c.__qualname__ for c in asked if c and not (iscoroutinefunction(c) or isclass(c))}
    assert not visits
    assert {
        route.name for route in guarded_routes() if not iscoroutinefunction(route.endpoint)
    } == set()
