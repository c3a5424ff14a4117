"""The ledger of erasures beside the database, which outlives a backup that is put back.

One JSON object per line with ids only; the entries of an older database are added to it again.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from citewell.domain.ids import ErasureId, TenantId, UserId
from citewell.domain.privacy import Erasure

FILE_NAME = "erasures.jsonl"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The file in the data directory; a line that was cut off by a crash is no entry."""

    folder: Path

    def append(self, erasure: Erasure) -> None:
        """Durable on return; an entry that is there already may be there twice."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry = {
            "id": str(erasure.id),
            "tenant_id": str(erasure.tenant_id),
            "user_id": str(erasure.user_id),
            "requested_by": str(erasure.requested_by),
            "everywhere": erasure.everywhere,
            "with_documents": erasure.with_documents,
            "created_at": erasure.created_at.isoformat(),
        }
        # The line before may lack its end.
        line = f"\n{json.dumps(entry)}\n".encode()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def exists(self) -> bool:
        """Whether anybody was ever erased here."""
        return self._path.exists()

    def entries(self) -> Sequence[Erasure]:
        """Every erasure once, the oldest first."""
        if not self.exists():
            return []
        found: dict[ErasureId, Erasure] = {}
        for line in self._path.read_text("utf-8").splitlines():
            entry = _read(line)
            if entry is not None:
                found.setdefault(entry.id, entry)
        return list(found.values())

    @property
    def _path(self) -> Path:
        return self.folder / FILE_NAME


def _read(line: str) -> Erasure | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return Erasure(
        id=ErasureId(UUID(said["id"])),
        tenant_id=TenantId(UUID(said["tenant_id"])),
        user_id=UserId(UUID(said["user_id"])),
        requested_by=UserId(UUID(said["requested_by"])),
        everywhere=said["everywhere"],
        with_documents=said["with_documents"],
        created_at=datetime.fromisoformat(said["created_at"]),
        erased_at=None,
        scrubbed_at=None,
        removed={},
    )
