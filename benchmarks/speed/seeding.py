"""Puts ready pieces and vectors into the product's own tables and change log."""

from itertools import groupby

from benchmarks.speed.pieces import Pieces
from citewell.bootstrap import App
from citewell.documents.service import PIPELINE
from citewell.domain.documents import Chunk, DocumentStatus, ParsedText, TextKind
from citewell.domain.ids import DEFAULT_TENANT, CollectionId, DocumentId, chunk_id
from citewell.index.analyzer import analyze
