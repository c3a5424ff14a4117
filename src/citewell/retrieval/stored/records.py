"""Questions about the records themselves, in SQL: how many, which, since when."""

from dataclasses import dataclass

from citewell.domain.principal import Principal, Scope
from citewell.domain.records import Records
from citewell.storage.asking.reading import RecordReader
from citewell.storage.database import Database


@dataclass(frozen=True, slots=True)
class RecordQuestions:
    """Answers statements over the views of `domain/records.py`, for callers who may list them."""

    reader: RecordReader

    @classmethod
    def of(cls, database: Database) -> "RecordQuestions":
        """Over the records of this database."""
        return cls(RecordReader(database.url))

    async def ask(self, principal: Principal, statement: str) -> Records:
        """What the statement gives of what this caller may see.

        Raises `DeniedError` without `Scope.DOCUMENTS_READ`, and as `RecordReader.read`.
        """
        principal.require(Scope.DOCUMENTS_READ)
        return await self.reader.read(principal, statement)
