"""Identifiers: every noun has its own type, so that one cannot be passed for another.

Ids are UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits,
so they sort by creation and cannot be guessed.
"""

import os
import time
from typing import NewType
from uuid import UUID, uuid5

TenantId = NewType("TenantId", UUID)
UserId = NewType("UserId", UUID)
KeyId = NewType("KeyId", UUID)
SessionId = NewType("SessionId", UUID)
ShareId = NewType("ShareId", UUID)
CollectionId = NewType("CollectionId", UUID)
DocumentId = NewType("DocumentId", UUID)
VersionId = NewType("VersionId", UUID)
ChunkId = NewType("ChunkId", UUID)
SpaceId = NewType("SpaceId", UUID)
JobId = NewType("JobId", UUID)
ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
RunId = NewType("RunId", UUID)
ExportId = NewType("ExportId", UUID)
ErasureId = NewType("ErasureId", UUID)
MemoryId = NewType("MemoryId", UUID)
ApprovalId = NewType("ApprovalId", UUID)
McpServerId = NewType("McpServerId", UUID)

DEFAULT_TENANT = TenantId(UUID("00000000-0000-7000-8000-000000000001"))


def new_id() -> UUID:
    """A fresh UUIDv7."""
    value = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def chunk_id(version: VersionId, pipeline: str, ordinal: int) -> ChunkId:
    """The id of a chunk: the same for the same version, pipeline and place."""
    return ChunkId(uuid5(version, f"{pipeline}/{ordinal}"))
