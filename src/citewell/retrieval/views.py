"""What a search sees of a collection, and how that compares with the database."""

from dataclasses import dataclass

from citewell.domain.ids import CollectionId
from citewell.index.index import Entry
from citewell.index.snapshot import Snapshot
from citewell.retrieval.links import Titles
from citewell.storage.repositories.chunks import IndexEntry


@dataclass(frozen=True, slots=True)
class Profile:
    """What a collection holds: languages and kinds with counts, and the titles of its documents."""

    languages: dict[str, int]
    kinds: dict[str, int]
    titles: Titles


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot with the profile that belongs to it."""

    collection_id: CollectionId
    snapshot: Snapshot
    profile: Profile


@dataclass(frozen=True, slots=True)
class Verification:
    """How a projection compares with the database; `damage` is what was wrong on disk."""

    position: int
    chunks: int
    missing: int
    extra: int
    damage: str

    @property
    def ok(self) -> bool:
        """Whether both hold the same chunks and nothing on disk was damaged."""
        return not (self.missing or self.extra or self.damage)


def entry_of(row: IndexEntry) -> Entry:
    """A row as the index takes it."""
    return Entry(row.key, row.document_id, row.version_id, row.terms, row.field_terms, row.vectors)
