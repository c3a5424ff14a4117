"""A run ends in one statement: its last events, its state and its answer, or none of it."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from citewell.domain.errors import LeaseLostError
from citewell.domain.ids import RunId
from citewell.domain.passages import Answer
from citewell.domain.runs.states import RunState
from citewell.storage.at_once.appending import Write
from citewell.storage.repositories.conversing.messages import answer_row, citation_rows
from citewell.storage.repositories.conversing.run_log import APPENDED, Batch, appended
from citewell.storage.sealing.seal import Seal

_ANSWERED = (
    "said AS (INSERT INTO messages"
    "  (id, tenant_id, conversation_id, run_id, role, text, grounded, answered, partial)"
    "  SELECT m.id, :tenant, moved.conversation_id, :thread, m.role, m.text,"
    "   m.grounded, m.answered, m.partial"
    "  FROM moved, jsonb_to_recordset(CAST(:messages AS jsonb)) AS m"
    "  (id uuid, role text, text text, grounded float8, answered bool, partial bool)),"
    " cited AS (INSERT INTO citations (id, tenant_id, message_id, number, answer_start, answer_end,"
    '   chunk_id, document_id, version_id, start, "end", quote, title, filename, page, verified)'
    "  SELECT c.id, :tenant, c.message_id, c.number, c.answer_start, c.answer_end,"
    '   c.chunk_id, c.document_id, c.version_id, c.start, c."end", c.quote, c.title,'
    "   c.filename, c.page, c.verified"
    "  FROM moved, jsonb_to_recordset(CAST(:citations AS jsonb)) AS c"
    "  (id uuid, message_id uuid, number int, answer_start int, answer_end int, chunk_id uuid,"
    '   document_id uuid, version_id uuid, start int, "end" int, quote text, title text,'
    "   filename text, page int, verified bool)),"
    " dropped AS (DELETE FROM checkpoints USING moved"
    "  WHERE checkpoints.tenant_id = :tenant AND checkpoints.held_by = moved.id)"
    " SELECT id FROM moved"
)
_END = text(", ".join((APPENDED, _ANSWERED)))


@dataclass(frozen=True, slots=True)
class Said:
    """What is kept of an answer, under the question of run `thread`; `partial` when cut off."""

    thread: RunId
    answer: Answer
    partial: bool


async def end(write: Write, seal: Seal, batch: Batch, state: RunState, said: Said | None) -> None:
    """As `append`, for the last events of a run, with its answer; what was kept of it goes."""
    rows: list[dict[str, Any]] = []
    citations: list[dict[str, Any]] = []
    if said is not None:
        rows = [answer_row(seal, said.answer, partial=said.partial)]
        citations = citation_rows(seal, rows[0]["id"], said.answer.citations)
    values = {
        **appended(seal, batch, state),
        "thread": batch.run_id if said is None else said.thread,
        "messages": json.dumps(rows, default=str),
        "citations": json.dumps(citations, default=str),
    }
    if not await write(seal.tenant_id, _END, values):
        raise LeaseLostError(f"Run {batch.run_id} has ended.")
