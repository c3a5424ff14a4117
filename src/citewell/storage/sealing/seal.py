"""A tenant's seal: what repositories put on what they write, and take off what they read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from citewell.domain.errors import UnavailableError
from citewell.domain.ids import TenantId
from citewell.storage.sealing.records import DataKey, damaged, key_of, to_json


@dataclass(frozen=True, slots=True)
class TenantKeys:
    """A tenant's keys; `complete` when nothing of the tenant is stored plain any more."""

    active: DataKey
    known: Mapping[UUID, DataKey]
    complete: bool


@dataclass(slots=True)
class Seal:
    """Without keys, encryption is off and everything passes as it is.

    Opening raises `DamagedError` for what was changed, was moved from another row or tenant, or is
    plain though everything of the tenant has been sealed; `UnavailableError` for a key that this
    process does not know yet.
    """

    tenant_id: TenantId
    keys: TenantKeys | None = None

    @property
    def active(self) -> DataKey:
        """The key that seals; only when encryption is on."""
        if self.keys is None:
            raise UnavailableError("Encryption is off.")
        return self.keys.active

    def place(self, column: str, row: object) -> str:
        """Where a value is stored, as it is bound to it."""
        return f"{self.tenant_id}/{column}/{row}"

    def text(self, column: str, row: object, plain: str) -> str:
        """A text to store."""
        if self.keys is None:
            return plain
        return self.keys.active.seal_text(plain, self.place(column, row))

    def open_text(self, column: str, row: object, stored: str) -> str:
        """The text that was stored."""
        if self.keys is None:
            return stored
        place = self.place(column, row)
        name = key_of(stored)
        if name is None or (name not in self.keys.known and not self.keys.complete):
            # While an installation is being sealed, what nobody could have sealed is a text that
            # happens to look so.
            if self.keys.complete:
                raise damaged(place)
            return stored
        return self.key(name).open_text(stored, place)

    def json(self, column: str, row: object, plain: Any) -> Any:
        """A JSON value to store: a JSON string when sealed."""
        return plain if self.keys is None else self.text(column, row, to_json(plain))

    def open_json(self, column: str, row: object, stored: Any) -> Any:
        """The JSON value that was stored; it must be an object or a list."""
        if self.keys is None:
            return stored
        if isinstance(stored, str):
            return json.loads(self.open_text(column, row, stored))
        if self.keys.complete:
            raise damaged(self.place(column, row))
        return stored

    def words(self, column: str, row: object, plain: Sequence[str]) -> list[str]:
        """A list of texts to store: a list of one when sealed."""
        sealed = self.json(column, row, list(plain))
        return [sealed] if isinstance(sealed, str) else sealed

    def open_words(self, column: str, row: object, stored: Sequence[str]) -> list[str]:
        """The list that was stored."""
        if self.keys is None:
            return list(stored)
        name = key_of(stored[0]) if len(stored) == 1 else None
        if name is not None and (self.keys.complete or name in self.keys.known):
            return list(json.loads(self.open_text(column, row, stored[0])))
        if self.keys.complete:
            raise damaged(self.place(column, row))
        return list(stored)

    def key(self, name: UUID) -> DataKey:
        """One of the tenant's keys; raises `UnavailableError`."""
        found = None if self.keys is None else self.keys.known.get(name)
        if found is None:
            raise UnavailableError(
                f"The data key {name} is not known here.",
                hint="Try again in a moment; if it stays so, the key was erased.",
                retry_after=10,
            )
        return found
