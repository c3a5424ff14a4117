"""Pieces of canonical texts, in one round trip however many they are."""

from collections.abc import Sequence

from sqlalchemy import text

from citewell.domain.ids import VersionId
from citewell.domain.principal import Principal
from citewell.storage.at_once.heads import Read
from citewell.storage.repositories.versions import SEALED_TEXT
from citewell.storage.sealing.seal import Seal

_PIECES = text(
    "SELECT s.place, substring(v.text, s.first + 1, greatest(0, s.behind - s.first))"
    " FROM unnest(CAST(:versions AS uuid[]), CAST(:starts AS int[]), CAST(:ends AS int[]))"
    "  WITH ORDINALITY AS s (version, first, behind, place)"
    " JOIN document_versions v ON v.tenant_id = :tenant AND v.id = s.version"
)
_WHOLE = text(
    "SELECT id, text FROM document_versions"
    " WHERE tenant_id = :tenant AND id = ANY(CAST(:versions AS uuid[]))"
)


async def spans(
    read: Read, seal: Seal, who: Principal, wanted: Sequence[tuple[VersionId, int, int]]
) -> list[str | None]:
    """The canonical text from each start to its end, None where the version is gone."""
    versions, starts, ends = zip(*wanted, strict=True) if wanted else ((), (), ())
    if seal.keys is None:
        values = {"versions": list(versions), "starts": list(starts), "ends": list(ends)}
        pieces: dict[int, str | None] = {
            place - 1: piece for place, piece in await read(who, _PIECES, values)
        }
        return [pieces.get(place) for place in range(len(wanted))]
    # What is sealed can be cut only here.
    texts = {
        version: seal.open_text(SEALED_TEXT, version, stored)
        for version, stored in await read(who, _WHOLE, {"versions": list(set(versions))})
        if stored is not None
    }
    return [
        texts[version][start : max(start, end)] if version in texts else None
        for version, start, end in wanted
    ]
