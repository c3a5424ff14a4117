"""LangGraph's checkpoints on the desk of each run: only from when it may pause, only the last.

A run that dies before it may have had an effect is asked again, and needs no state. From the first
look at tools with an effect on, each step is durable before the next one begins.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    PendingWrite,
)
from langgraph.checkpoint.serde.types import INTERRUPT, RESUME

from citewell.agent.desk import Desk, Kept
from citewell.agent.pausing.serializer import JsonSerializer, dumped, loaded
from citewell.agent.tools.progress import Progress

DESK = "desk"
# Who asks is said anew by whoever lets the run go on: rights are never read from what was stored.
UNSTORED = frozenset({"principal"})


class Saver(BaseCheckpointSaver[int]):
    """Finds the run's `Desk` in its configuration; a run without one keeps nothing.

    What is in a subgraph is not kept: nothing in one pauses.
    """

    def __init__(self) -> None:
        """One serves every run of the process."""
        super().__init__(serde=JsonSerializer())

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The last state of the run; raises `DamagedError` for one that cannot be read."""
        desk = _desk(config)
        kept = await desk.load() if desk else None
        if kept is None:
            return None
        state = loaded(kept.content)
        written: dict[tuple[str, int], PendingWrite] = {}
        for task, number, channel, value in map(loaded, kept.writes):
            # LangGraph's own channels, below zero, are written again; what a step gave is not.
            if number < 0 or (task, number) not in written:
                written[task, number] = (task, channel, value)
        return CheckpointTuple(
            config=_at(config, kept.checkpoint_id),
            checkpoint=cast("Checkpoint", state["checkpoint"]),
            metadata=cast("CheckpointMetadata", state["metadata"]),
            pending_writes=list(written.values()),
        )

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002  # LangGraph's signature.
    ) -> RunnableConfig:
        """Keep the state if the run may pause in it; where it is addressed from now on."""
        desk = _desk(config)
        if desk is not None and _may_pause(checkpoint):
            values = checkpoint["channel_values"]
            stored = {name: value for name, value in values.items() if name not in UNSTORED}
            state = {
                "checkpoint": {**checkpoint, "channel_values": stored},
                "metadata": {"source": metadata["source"], "step": metadata["step"]},
            }
            await desk.keep(Kept(checkpoint["id"], dumped(state)))
        return _at(config, checkpoint["id"])

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",  # noqa: ARG002  # LangGraph's signature.
    ) -> None:
        """Keep what a step asks of a person, what they have said, and how far it has come."""
        desk = _desk(config)
        if desk is None or not any(map(_belongs_to_a_pause, writes)):
            return
        told = tuple(
            dumped([task_id, WRITES_IDX_MAP.get(channel, number), channel, value])
            for number, (channel, value) in enumerate(writes)
            if channel not in UNSTORED
        )
        await desk.write(str(config["configurable"]["checkpoint_id"]), told)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """The last state alone: there is no history."""
        found = None if config is None or before or filter else await self.aget_tuple(config)
        if found is not None and limit != 0:
            yield found


def _desk(config: RunnableConfig) -> Desk | None:
    chosen = config["configurable"]
    return None if chosen.get("checkpoint_ns") else cast("Desk | None", chosen.get(DESK))


def _at(config: RunnableConfig, checkpoint_id: str) -> RunnableConfig:
    chosen = config["configurable"]
    return {
        "configurable": {
            "thread_id": chosen["thread_id"],
            "checkpoint_ns": chosen.get("checkpoint_ns", ""),
            "checkpoint_id": checkpoint_id,
        }
    }


def _may_pause(checkpoint: Checkpoint) -> bool:
    return _is_open(checkpoint["channel_values"].get("progress"))


def _belongs_to_a_pause(written: tuple[str, Any]) -> bool:
    channel, value = written
    return channel in {INTERRUPT, RESUME} or (channel == "progress" and _is_open(value))


def _is_open(progress: object) -> bool:
    return isinstance(progress, Progress) and progress.may_pause
