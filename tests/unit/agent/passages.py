"""Passages and scored sentences, as short as a test needs them."""

from citewell.agent.quoting import Sentence
from citewell.domain.documents import TextKind
from citewell.domain.ids import ChunkId, CollectionId, DocumentId, VersionId, new_id
from citewell.domain.passages import Passage, Scores

COLLECTION = CollectionId(new_id())


def passage(
    text: str,
    *,
    title: str = "",
    start: int = 0,
    final: float = 1.0,
    language: str = "en",
    document: DocumentId | None = None,
) -> Passage:
    return Passage(
        chunk_id=ChunkId(new_id()),
        document_id=document or DocumentId(new_id()),
        version_id=VersionId(new_id()),
        collection_id=COLLECTION,
        title=title,
        filename=f"{title}.md",
        text=text,
        start=start,
        end=start + len(text),
        page=None,
        page_label="",
        headings=(),
        kind=TextKind.PROSE,
        language=language,
        ordinal=0,
        context=title,
        scores=Scores(final=final),
    )


def sentence(of: Passage, text: str, number: int = 0, score: float = 1.0) -> Sentence:
    """The place where `text` stands in the passage, with these scores."""
    start = of.text.index(text)
    return Sentence(number, start, start + len(text), text, score, score, score, score)
