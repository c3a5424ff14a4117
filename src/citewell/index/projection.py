"""The projection of one (collection, space): fed in order, read through immutable snapshots."""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np

from citewell.domain.errors import UnavailableError
from citewell.index import folders, generations
from citewell.index.blocks import Block, make_block, merge_blocks
from citewell.index.generations import DamagedError
from citewell.index.index import Entry, IndexSettings
from citewell.index.lexical import LexicalIndex
from citewell.index.snapshot import Mask, Snapshot

# A block is merged into the one before it once it is more than half as large, so that there are
# never more than log2(n) blocks and every vector is moved a bounded number of times.
RATIO = 2

LOAD_ATTEMPTS = 10


@dataclass(slots=True)
class Projection:
    """Owned by one task; `snapshot` may be read from anywhere at any time.

    Every method but `snapshot` blocks and belongs in a thread.
    """

    folder: Path
    settings: IndexSettings
    work: Path
    lexical: LexicalIndex
    snapshot: Snapshot
    saved_position: int
    damage: str = ""

    @classmethod
    def open(cls, folder: Path, settings: IndexSettings) -> "Projection":
        """Load the newest generation, or begin empty at position 0 when there is none.

        A damaged generation is removed, and `damage` says what was wrong. Raises
        `UnavailableError` when the disk does not let it begin.
        """
        work = folder / folders.own_name("work")
        folders.remove_abandoned(folder)
        found = _load_newest(folder, work)
        try:
            lexical = LexicalIndex.open(work)
        except (OSError, ValueError) as error:
            found = _Found(damage=f"words: {error}")
            shutil.rmtree(work, ignore_errors=True)
            lexical = _begin(work)
        snapshot = Snapshot(found.position, tuple(found.blocks), lexical.snapshot(), found.mark)
        return cls(folder, settings, work, lexical, snapshot, found.position, found.damage)

    def apply(
        self,
        position: int,
        removed: Collection[UUID],
        added: Sequence[Entry],
        *,
        replace: bool = True,
        mark: str = "",
    ) -> None:
        """Remove versions, then add entries, the last of equal keys, and be at `position`.

        An added version replaces what the projection holds of it, so that applying a change twice
        leaves the projection as applying it once. Without `replace` its entries join those that
        are there: for a version that comes in parts. `mark` is kept beside the position: by it a
        later start knows whether the history that it finds is the one that was applied.
        """
        entries = list({entry.key: entry for entry in added}.values())
        gone = {*removed, *(entry.version for entry in entries)} if replace else set(removed)
        blocks = [(block, _without(block, mask, gone)) for block, mask in self.snapshot.blocks]
        if entries:
            # Exact until merged: what was just written is searchable at once.
            blocks.append((make_block(entries, IndexSettings(exact_below=2**62)), None))
        self.lexical.apply(gone, entries)
        self.snapshot = Snapshot(position, tuple(blocks), self.lexical.snapshot(), mark)
        merged = self._merge(blocks)
        if merged is not blocks:
            self.snapshot = Snapshot(position, tuple(merged), self.snapshot.lexical, mark)

    def clear(self) -> None:
        """Forget everything, also what is on disk and what was wrong with it, at position 0."""
        # At once: a generation of a history that never happened must not be found by a later start.
        generations.discard(self.folder)
        self.lexical.clear()
        self.snapshot = Snapshot(0, (), self.lexical.snapshot())
        self.saved_position = 0
        self.damage = ""

    def save(self) -> None:
        """Write a generation of what is applied so far."""
        generations.save(self.folder, self.snapshot, self.work)
        self.saved_position = self.snapshot.position

    def close(self) -> None:
        """Release the working folder, once; snapshots taken before stay readable."""
        if self.work.exists():
            self.lexical.close()
            shutil.rmtree(self.work, ignore_errors=True)

    def _merge(self, blocks: list[tuple[Block, Mask | None]]) -> list[tuple[Block, Mask | None]]:
        start = len(blocks)
        total = 0
        while start and (total == 0 or _alive(*blocks[start - 1]) <= total * RATIO):
            start -= 1
            total += _alive(*blocks[start])
        # A block that is mostly removed, or too large to go on without training, is rewritten too.
        worn = [i for i, (b, m) in enumerate(blocks) if self._is_worn(b, _alive(b, m))]
        start = min([start, *worn])
        if len(blocks) - start == 1 and not worn:
            return blocks
        one = merge_blocks(blocks[start:], self.settings) if start < len(blocks) else None
        return blocks[:start] + ([(one, None)] if one is not None else [])

    def _is_worn(self, block: Block, alive: int) -> bool:
        untrained = not block.probes and alive >= self.settings.exact_below
        return alive * 2 < block.size or untrained


@dataclass(frozen=True, slots=True)
class _Found:
    """What is on disk: nothing at position 0, or a generation."""

    position: int = 0
    mark: str = ""
    blocks: Sequence[tuple[Block, Mask | None]] = ()
    damage: str = ""


def _begin(work: Path) -> LexicalIndex:
    """An empty index of words, in a folder where there was nothing."""
    try:
        return LexicalIndex.open(work)
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"The index cannot be opened: {error}",
            hint="Is the disk of the data directory full?",
        ) from error


def _load_newest(folder: Path, work: Path) -> _Found:
    """The newest generation; its words are put into `work`."""
    for _ in range(LOAD_ATTEMPTS):
        generation = generations.newest(folder)
        if generation is None:
            # A listing may miss both the old one and the one that replaces it.
            continue
        try:
            manifest, blocks = generations.load(generation, work)
            return _Found(manifest.position, manifest.mark, blocks)
        except (DamagedError, OSError, RuntimeError, ValueError) as error:
            shutil.rmtree(work, ignore_errors=True)
            # One that another process has replaced meanwhile is gone, not damaged.
            if generation.exists():
                folders.remove(generation)
                return _Found(damage=str(error))
    return _Found()


def _without(block: Block, mask: Mask | None, gone: Collection[UUID]) -> Mask | None:
    if not gone:
        return mask
    versions = np.array([version.bytes for version in gone], dtype="V16")
    hit = np.isin(block.versions.view("S16"), versions.view("S16"))
    if not hit.any():
        return mask
    return ~hit if mask is None else mask & ~hit


def _alive(block: Block, mask: Mask | None) -> int:
    return block.size if mask is None else int(mask.sum())
