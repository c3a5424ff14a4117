"""Words: a Tantivy index of analysed terms, scored by BM25 (k1 1.2, b 0.75).

The engine never sees text: terms arrive separated by one space and are split there again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
import tantivy
from tantivy import Occur, Query

from citewell.domain.errors import UnavailableError
from citewell.index.index import EMPTY_KEYS, EMPTY_SCORES, Entry, Hits, Keys, Terms, Vector

WRITER_BYTES = 30_000_000
TOKENIZER = "whitespace"


def schema() -> tantivy.Schema:
    """Key and version are for finding and removing; body and fields hold terms."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", stored=False, indexed=True, fast=True)
    builder.add_text_field("version", stored=False, tokenizer_name="raw", index_option="basic")
    for field in ("body", "fields"):
        builder.add_text_field(field, stored=False, tokenizer_name=TOKENIZER, index_option="freq")
    return builder.build()


@dataclass(frozen=True, slots=True)
class LexicalSnapshot:
    """An immutable view: what was committed when it was taken."""

    schema: tantivy.Schema
    searcher: tantivy.Searcher

    def search(self, terms: Terms, count: int, allowed: Keys | None) -> Hits:
        """The `count` best chunks, of the `allowed` keys when given."""
        query = self._query(terms)
        if query is None or not self.searcher.num_docs:
            return Hits(EMPTY_KEYS, EMPTY_SCORES)
        if allowed is not None:
            query = self._within(allowed, query)
        return self._run(query, count)

    def idf(self, terms: Sequence[str], field: str = "body") -> Vector:
        """(n,) inverse document frequency of each term: ln(1 + (N - n + 0.5) / (n + 0.5))."""
        total = max(1, self.searcher.num_docs)
        counts = np.array([self.searcher.doc_freq(field, t) for t in terms], dtype=np.float32)
        odds = np.maximum(total - counts + 0.5, 0.5) / (counts + 0.5)
        weights: Vector = np.log1p(odds).astype(np.float32)
        return weights

    def containing(self, terms: Sequence[str], count: int) -> Keys:
        """Up to `count` chunks whose body holds every one of `terms`."""
        parts = [(Occur.Must, Query.term_query(self.schema, "body", t, "freq")) for t in set(terms)]
        if not parts:
            return EMPTY_KEYS
        return self._run(Query.boolean_query(parts), count).keys

    def keys(self) -> Keys:
        """Every key in the index, ascending, with repeats if there were any."""
        hits = self._run(Query.all_query(), max(1, self.searcher.num_docs))
        return np.sort(hits.keys)

    def _query(self, terms: Terms) -> Query | None:
        parts = []
        for term, times in terms.weights.items():
            body = Query.term_query(self.schema, "body", term, "freq")
            parts.append((Occur.Should, body if times == 1 else Query.boost_query(body, times)))
            if terms.field_weight:
                field = Query.term_query(self.schema, "fields", term, "freq")
                weighted = Query.boost_query(field, times * terms.field_weight)
                parts.append((Occur.Should, weighted))
        return Query.boolean_query(parts) if parts else None

    def _within(self, keys: Keys, query: Query) -> Query:
        among = Query.term_set_query(self.schema, "key", keys.tolist())
        return Query.boolean_query(
            [(Occur.Must, Query.const_score_query(among, 0.0)), (Occur.Must, query)]
        )

    def _run(self, query: Query, count: int) -> Hits:
        result = self.searcher.search(query, limit=max(1, count), count=False)
        if not result.hits:
            return Hits(EMPTY_KEYS, EMPTY_SCORES)
        addresses = [address for _, address in result.hits]
        keys = self.searcher.fast_field_values("key", addresses)
        scores = np.array([score for score, _ in result.hits], dtype=np.float32)
        return Hits(np.array(keys, dtype=np.int64), scores)


@dataclass(frozen=True, slots=True)
class LexicalIndex:
    """One writer over a folder that belongs to this process alone."""

    index: tantivy.Index
    writer: tantivy.IndexWriter
    schema: tantivy.Schema

    @classmethod
    def open(cls, folder: Path) -> "LexicalIndex":
        """Open what the folder holds, or begin. Raises `ValueError` for a damaged index."""
        folder.mkdir(parents=True, exist_ok=True)
        shape = schema()
        index = tantivy.Index(shape, path=str(folder))
        return cls(index, index.writer(WRITER_BYTES, 1), shape)

    def apply(self, removed: Iterable[UUID], added: Iterable[Entry]) -> None:
        """Remove versions, then add entries; visible to snapshots taken after.

        Raises `UnavailableError` when the disk does not take it: nothing has changed then.
        """
        try:
            for version in removed:
                self.writer.delete_documents_by_term("version", version.hex)
            for entry in added:
                self.writer.add_document(_document(entry))
            self.writer.commit()
        except ValueError as error:
            self.writer.rollback()
            raise UnavailableError(
                f"The index of words cannot be written: {error}",
                hint="Is the disk of the data directory full?",
            ) from error
        self.index.reload()

    def clear(self) -> None:
        """Remove everything."""
        self.writer.delete_all_documents()
        self.writer.commit()
        self.index.reload()

    def snapshot(self) -> LexicalSnapshot:
        """What is committed now."""
        return LexicalSnapshot(self.schema, self.index.searcher())

    def close(self) -> None:
        """Wait for background merges."""
        self.writer.wait_merging_threads()


def _document(entry: Entry) -> tantivy.Document:
    document = tantivy.Document()
    document.add_unsigned("key", entry.key)
    document.add_text("version", entry.version.hex)
    document.add_text("body", entry.terms)
    document.add_text("fields", entry.field_terms)
    return document
