"""Among the best, the passage that answers in one sentence comes first."""

from dataclasses import replace
from uuid import uuid4

import numpy as np

from citewell.domain.documents import TextKind
from citewell.domain.ids import ChunkId, CollectionId, DocumentId, VersionId
from citewell.retrieval.closeness import LOOKED_AT, closer
from citewell.retrieval.fusion import NOTHING, Candidates
from citewell.storage.at_once.live import LiveChunk

WEIGHTS = {"bridg": 2.0, "built": 1.0}
TOGETHER = "The bridge was built in 1871. It rained."
APART = "The bridge is long. The tower was built later."


def live(key: int, text: str) -> LiveChunk:
    return LiveChunk(
        key=key,
        id=ChunkId(uuid4()),
        document_id=DocumentId(uuid4()),
        version_id=VersionId(uuid4()),
        collection_id=CollectionId(uuid4()),
        title="",
        filename="",
        text=text,
        start=0,
        end=len(text),
        page=None,
        page_label="",
        headings=(),
        kind=TextKind.PROSE,
        language="en",
        ordinal=0,
        context="",
        metadata={},
    )


def candidates(scores: list[float]) -> Candidates:
    count = len(scores)
    numbers = np.array(scores, dtype=np.float32)
    return replace(
        NOTHING,
        keys=np.arange(count, dtype=np.int64),
        origin=np.zeros(count, dtype=np.int64),
        documents=np.zeros(count, dtype="V16"),
        whole=numbers,
        window=numbers,
        bm25=numbers,
        fused=numbers,
        final=numbers,
    )


def test_words_in_one_sentence_beat_the_same_words_apart() -> None:
    found = candidates([1.0, 0.98])
    moved = closer(found, {0: live(0, APART), 1: live(1, TOGETHER)}, WEIGHTS)
    assert moved.order().tolist() == [1, 0]
    assert found.order().tolist() == [0, 1]


def test_what_is_not_at_the_top_is_not_read() -> None:
    scores = [1.0 - n / 100 for n in range(LOOKED_AT + 1)]
    texts = {n: live(n, APART) for n in range(LOOKED_AT)} | {LOOKED_AT: live(LOOKED_AT, TOGETHER)}
    moved = closer(candidates(scores), texts, WEIGHTS)
    assert moved.final[LOOKED_AT] == np.float32(scores[LOOKED_AT])


def test_a_candidate_that_is_gone_is_passed_over() -> None:
    moved = closer(candidates([1.0, 0.9]), {1: live(1, TOGETHER)}, WEIGHTS)
    assert moved.final[0] == 1.0
    assert moved.final[1] > np.float32(0.9)


def test_no_candidates_stay_none() -> None:
    assert not len(closer(NOTHING, {}, WEIGHTS).keys)
