"""What a block holds of its chunks, in arrays; all but the engine that searches them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citewell.index import forward
from citewell.index.forward import Forward, Rows, row_indices, running
from citewell.index.index import Entry, Keys


@dataclass(frozen=True, slots=True)
class Contents:
    """Of n chunks: `keys` ascending, 16-byte ids of `versions` and `documents`, and the `words`.

    `rows[offsets[i] : offsets[i + 1]]` are the vectors of chunk i, the whole first, then windows.
    """

    keys: Keys
    offsets: Rows
    rows: NDArray[np.float16]
    versions: NDArray[np.void]
    documents: NDArray[np.void]
    words: Forward

    def take(self, at: Rows) -> "Contents":
        """The chunks at these places, in this order."""
        counts = np.diff(self.offsets)[at]
        return Contents(
            self.keys[at],
            running(counts),
            self.rows[row_indices(self.offsets[at], counts)],
            self.versions[at],
            self.documents[at],
            self.words.take(at),
        )


def contents_of(entries: Sequence[Entry]) -> Contents:
    """Of these entries, of which there must be one; the last of equal keys counts."""
    ordered = sorted({entry.key: entry for entry in entries}.values(), key=lambda e: e.key)
    return Contents(
        np.array([entry.key for entry in ordered], dtype=np.int64),
        running(np.array([len(entry.vectors) for entry in ordered])),
        np.concatenate([entry.vectors for entry in ordered]),
        np.array([entry.version.bytes for entry in ordered], dtype="V16"),
        np.array([entry.document.bytes for entry in ordered], dtype="V16"),
        forward.forward_of(ordered),
    )


def merged(parts: Sequence[Contents]) -> Contents:
    """The chunks of all parts, in order of key."""
    one = Contents(
        np.concatenate([part.keys for part in parts]),
        running(np.concatenate([np.diff(part.offsets) for part in parts])),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.versions for part in parts]),
        np.concatenate([part.documents for part in parts]),
        forward.join([part.words for part in parts]),
    )
    order = np.argsort(one.keys, kind="stable")
    return one if np.array_equal(order, np.arange(len(order))) else one.take(order)
