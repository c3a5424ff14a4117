"""Parts of a question around a bridge: what gives a name before it, what speaks of it behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from citewell.agent.composition import Unit
from citewell.agent.planning.names import mentions, speaks_of
from citewell.agent.quoting import Sentence
from citewell.agent.state import Hop, State
from citewell.domain.passages import Passage

MOST_UNITS = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A part with its terms: `about` is the name that it was asked of behind a bridge.

    `hops` are what the question went on to ask, for a part before a bridge.
    """

    part: str
    terms: Mapping[str, float]
    about: str | None = None
    hops: tuple[Hop, ...] = ()

    def fitting(self, scored: list[Sentence], passages: Sequence[Passage]) -> list[Sentence]:
        """The sentences that may answer: behind a bridge, of passages that speak of the name."""
        name = self.about
        if name is None:
            return scored
        speak = [mentions(f"{one.title} {one.text}", name) for one in passages]
        return [one for one in scored if speak[one.passage]]

    def naming(self, scored: Sequence[Sentence], passages: Sequence[Passage]) -> list[Sentence]:
        """The sentences that give the names which the question went on from."""
        return [
            one
            for one in scored
            if any(
                mentions(one.text, hop.name) and speaks_of(passages[one.passage], hop.thing)
                for hop in self.hops
            )
        ]


@dataclass(frozen=True, slots=True)
class Judged:
    """How sure we are of a part's answer, and what to quote when we are sure enough.

    `names` give what the question went on from; `behind` says that the part is behind a bridge.
    """

    sure: float
    units: list[Unit] = field(default_factory=list)
    names: list[Unit] = field(default_factory=list)
    missing: str = ""
    behind: bool = False


def asked_of(state: State) -> list[Asked]:
    """The parts in their order, before a bridge or behind it."""
    hops = tuple(hop for bridge in state["bridges"] for hop in bridge)
    names = {hop.question: hop.name for hop in hops}
    return [
        Asked(part, terms, names.get(part), () if part in names else hops)
        for part, terms in zip(state["parts"], state["terms"], strict=True)
    ]


def units_of(judged: Sequence[Judged]) -> tuple[Unit, ...]:
    """What is quoted, in the order of reading, each once.

    What a bridge has led to comes after what gave its name; before what answers the question as it
    was asked where that is less sure, behind its best otherwise.
    """
    own = [unit for one in judged if not one.behind for unit in one.units]
    led = [unit for one in judged for unit in (one.units if one.behind else one.names)]
    sure = max((one.sure for one in judged if one.behind), default=0.0)
    surer = sure >= max((one.sure for one in judged if not one.behind), default=0.0)
    order = [*led, *own[:1]] if led and surer else [*own[:1], *led, *own[1:]]
    return tuple(dict.fromkeys(order))[: MOST_UNITS if led else None]
