"""Who walks, what they carry, and the things that they name."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4


class Kind(StrEnum):
    """What a field of a request names."""

    COLLECTION = "collection"
    DOCUMENT = "document"
    VERSION = "version"
    JOB = "job"
    CONVERSATION = "conversation"
    MEMORY = "memory"
    MCP_SERVER = "MCP server"
    RUN = "run"
    EXPORT = "export"
    ERASURE = "erasure"
    USER = "user"
    KEY = "API key"
    SESSION = "session"
    TENANT = "tenant"
    SHARE = "share"
    EMAIL = "email address"
    WORD = "word of a document"
    CURSOR = "cursor"
    REQUEST_KEY = "idempotency key"
    COLLECTION_NAME = "name of a collection"
    USER_NAME = "name of a user"
    KEY_NAME = "name of an API key"
    MCP_NAME = "name of an MCP server"
    TEXT = "text of a document"
    # What only its owner knows; the walk sends it where a route asks for nothing else.
    PASSWORD = "password"  # noqa: S105  # A kind of thing.
    SECRET = "secret of an API key"  # noqa: S105
    REFRESH = "refresh token"
    CODE = "sign-in code"


class Whose(StrEnum):
    """To whom the thing belongs that a caller names."""

    OWN = "own"
    COLLEAGUE = "colleague's"
    FOREIGN = "foreign"
    MISSING = "missing"


class Carrier(StrEnum):
    """The part of a request that holds the credential."""

    BEARER = "bearer"
    X_API_KEY = "x-api-key"
    COOKIE = "cookie"


# A missing one of these is a word; of all others it is an id.
_WORDS = frozenset({
    Kind.WORD, Kind.REQUEST_KEY, Kind.COLLECTION_NAME, Kind.USER_NAME, Kind.KEY_NAME,
    Kind.MCP_NAME,
})  # fmt: skip
TEXT_START = "Twins have the same text in two tenants and know nothing of each other:"


@dataclass(slots=True)
class Person:
    """Somebody of a tenant; without credentials they have not signed in."""

    credentials: dict[Carrier, str] = field(default_factory=dict)
    things: dict[Kind, str] = field(default_factory=dict)


@dataclass(slots=True)
class Tenant:
    """The people of one tenant, and what gives its things away.

    `marks` are words and ids that appear in nothing of another tenant; the words in `private` are
    the colleague's, each with what it is a word of.
    """

    owner: Person = field(default_factory=Person)
    viewer: Person = field(default_factory=Person)
    narrow: Person = field(default_factory=Person)
    colleague: Person = field(default_factory=Person)
    marks: set[str] = field(default_factory=set)
    private: dict[str, Kind] = field(default_factory=dict)

    def word(self, private: Kind | None = None) -> str:
        """A new word that is known to be this tenant's wherever it appears."""
        made = new_word()
        self.marks.add(made)
        if private is not None:
            self.private[made] = private
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """A person on the walk; `sees` is what of the colleague's they may see too."""

    name: str
    person: Person
    home: Tenant
    other: Tenant
    sees: frozenset[Kind]
    is_owner: bool = False

    @property
    def hidden(self) -> frozenset[str]:
        """What no answer to this caller may hold, unless the caller has sent it."""
        if not self.person.credentials:
            return frozenset(self.other.marks | self.home.marks)
        return frozenset(self.other.marks)

    def thing(self, kind: Kind, whose: Whose) -> str | None:
        """What to send to name it; None when there is no such thing."""
        match whose:
            case Whose.OWN:
                return self.person.things.get(kind) or self.home.owner.things.get(kind)
            case Whose.COLLEAGUE:
                return self.home.colleague.things.get(kind)
            case Whose.FOREIGN:
                return self.other.owner.things.get(kind)
            case Whose.MISSING:
                return missing(kind)


@dataclass(frozen=True, slots=True)
class Cast:
    """Two tenants that know nothing of each other, and who runs the installation."""

    ours: Tenant
    theirs: Tenant
    installation: Person

    def callers(self) -> tuple[Caller, ...]:
        """Everybody who walks; the last one has no credential."""
        ours, theirs = self.ours, self.theirs
        personal = {Kind.CONVERSATION, Kind.MEMORY, Kind.RUN, Kind.SESSION, Kind.REQUEST_KEY}
        shared = frozenset(Kind) - personal
        # A key of the owner's that may search, ask and read has the role, but not the right.
        narrow = shared - {Kind.KEY, Kind.EXPORT, Kind.ERASURE, Kind.USER}
        restricted = {Kind.COLLECTION, Kind.DOCUMENT, Kind.VERSION, Kind.JOB, Kind.SHARE}
        viewer = narrow - restricted
        nobody = Person(things=ours.owner.things)
        return (
            Caller("owner of A", ours.owner, ours, theirs, shared, is_owner=True),
            Caller("viewer of A", ours.viewer, ours, theirs, viewer),
            Caller("narrow key of A", ours.narrow, ours, theirs, narrow),
            Caller("owner of B", theirs.owner, theirs, ours, shared, is_owner=True),
            Caller("nobody", nobody, ours, theirs, frozenset()),
        )

    def operator(self) -> Caller:
        """Who runs the installation: shows that a route works which no tenant may call."""
        things = self.ours.owner.things | self.installation.things
        person = Person(self.installation.credentials, things)
        return Caller("installation", person, self.ours, Tenant(), frozenset(Kind))


def new_word() -> str:
    """A word that no text has by chance."""
    return f"cwt{secrets.token_hex(8)}"


def missing(kind: Kind) -> str:
    """What names nothing of this kind."""
    if kind is Kind.EMAIL:
        return f"{new_word()}@example.org"
    if kind is Kind.TEXT:
        return f"{TEXT_START} {new_word()}"
    return new_word() if kind in _WORDS else str(uuid4())


def carried(person: Person, carrier: Carrier | None) -> Mapping[str, str]:
    """The headers that carry a person's credential."""
    if carrier is None:
        return {}
    secret = person.credentials[carrier]
    if carrier is Carrier.COOKIE:
        # As a browser marks what a page of ours has sent.
        return {"cookie": f"citewell_session={secret}", "sec-fetch-site": "same-origin"}
    return {"authorization": f"Bearer {secret}"} if carrier is Carrier.BEARER else {carrier: secret}
