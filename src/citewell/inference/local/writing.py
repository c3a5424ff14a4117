"""A causal language model of this machine that continues a conversation, and can be stopped."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from citewell.domain.errors import StartError
from citewell.inference.local import libraries
from citewell.inference.local.folders import ModelFolder
from citewell.inference.local.spelling import Speller

SETTING = "CITEWELL_LLM__MODEL"
# An answer that is cut off sooner helps nobody.
LEAST_ROOM = 64

Turn = Mapping[str, str]
Tell = Callable[[str], object]


class StoppedError(Exception):
    """Nobody wants the rest of what is being written."""


class TooLongError(Exception):
    """The conversation does not fit into what the model reads at once."""


@dataclass(frozen=True, slots=True)
class Brake:
    """Stops one generation from any thread; it ends at the next operation of the model."""

    _pulled: threading.Event = field(default_factory=threading.Event)

    def pull(self) -> None:
        """May be called often, and before the generation begins."""
        self._pulled.set()

    def check(self, *_: Any) -> None:
        """Raises `StoppedError` once the brake was pulled."""
        if self._pulled.is_set():
            raise StoppedError


@dataclass(frozen=True, slots=True)
class Written:
    """How a text came to its end; `is_cut` when its bound ended it and not the model."""

    tokens_in: int
    tokens_out: int
    is_cut: bool


@dataclass(slots=True)
class Writer:
    """One model and its tokenizer; for one thread at a time, except for the brakes.

    `temperature` 0 always takes the likeliest word, None leaves the choice to the model's folder.
    """

    temperature: float | None
    has_system: bool
    _model: Any
    _tokenizer: Any
    _brake: Brake = field(default_factory=Brake)

    @classmethod
    def load(cls, folder: ModelFolder, temperature: float | None) -> Self:
        """Reads the weights. Raises `StartError` for a model that holds no conversations."""
        model, tokenizer = libraries.causal_model(folder)
        made = cls(temperature, has_system=True, _model=model, _tokenizer=tokenizer)
        user = {"role": "user", "content": "Hello."}
        if not made._renders([user]):
            raise StartError(
                f"{SETTING}: {folder.name} was not made for conversations: it has no template for"
                " them that can be used.",
                hint="Use the variant of the model that is called instruct or chat.",
            )
        made.has_system = made._renders([{"role": "system", "content": "Be brief."}, user])
        # A layer may take seconds over a long text: the brake is looked at before each operation.
        for module in model.modules():
            module.register_forward_pre_hook(made._check)
        return made

    def write(self, turns: Sequence[Turn], most_tokens: int, tell: Tell, brake: Brake) -> Written:
        """Tells the answer in pieces as it comes.

        Raises `TooLongError`, and `StoppedError` when the brake is pulled.
        """
        self._brake = brake
        brake.check()
        asked = self._asked(turns).to(self._model.device)
        read = int(asked["input_ids"].shape[1])
        most = self._room(read, most_tokens)
        whole = self._model.generate(
            **asked,
            **self._manner(),
            max_new_tokens=most,
            streamer=Speller(self._spelled, tell),
        )
        written = int(whole.shape[1]) - read
        return Written(read, written, is_cut=written >= most and not self._ended(whole))

    def _spelled(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text

    def _check(self, *_: Any) -> None:
        self._brake.check()

    def _asked(self, turns: Sequence[Turn]) -> Any:
        return self._tokenizer.apply_chat_template(
            [dict(turn) for turn in turns],
            add_generation_prompt=True,
            return_tensors="pt",
            # What the documents say stays text, whatever marks of turns they hold.
            sanitize_control_tokens=True,
            # For models that can do without: nobody reads their thoughts.
            enable_thinking=False,
        )

    def _renders(self, turns: Sequence[Turn]) -> bool:
        try:
            self._asked(turns)
        except libraries.template_errors():
            return False
        return True

    def _room(self, read: int, most_tokens: int) -> int:
        config = self._model.config.get_text_config()
        limit: int | None = getattr(config, "max_position_embeddings", None)
        if limit is None:
            return most_tokens
        if limit - read < min(LEAST_ROOM, most_tokens):
            raise TooLongError(f"{read} tokens of {limit}")
        return min(most_tokens, limit - read)

    def _manner(self) -> Mapping[str, Any]:
        if self.temperature is None:
            return {}
        if self.temperature == 0:
            return {"do_sample": False}
        return {"do_sample": True, "temperature": self.temperature}

    def _ended(self, whole: Any) -> bool:
        ends = self._model.generation_config.eos_token_id
        return int(whole[0, -1]) in (ends if isinstance(ends, list) else [ends])
