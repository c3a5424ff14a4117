"""The one module that loads models with torch: no network, no pickle, no code of a folder.

The libraries come with the extra `local` and take seconds to import: nothing is imported before a
model is opened. All functions block; call them in a thread.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from citewell.domain.errors import StartError
from citewell.inference.local.folders import ModelFolder, checked

EXTRA = "Run: pip install 'citewell[local]'"
SHOWN_CHARACTERS = 300

# Two threads that import these libraries at the same time see half of them.
_LOADING = threading.Lock()


def found(named: str, setting: str) -> ModelFolder:
    """The folder that an operator has named, or the one of that name in the local cache.

    Raises `StartError` when there is none, when its weights are no plain data, or without the
    extra. Nothing is downloaded.
    """
    path = Path(named).expanduser()
    if path.is_dir():
        return checked(ModelFolder(path.resolve(), path.resolve().name))
    if path.is_absolute() or named.startswith((".", "~")) or named.count("/") > 1:
        raise StartError(
            f"{setting}: there is no folder {named}.",
            hint="Name a folder that the server can read, or a model that was downloaded.",
        )
    with _libraries(named):
        from huggingface_hub import try_to_load_from_cache

        names = ("modules.json", "config.json")
        cached = [try_to_load_from_cache(named, name) for name in names]
    folders = [Path(one).parent for one in cached if isinstance(one, str)]
    if not folders:
        raise StartError(
            f"{setting}: the model {named} is not on this machine, and nothing is downloaded"
            " while the server runs.",
            hint=f"Run: hf download {named}",
        )
    return checked(ModelFolder(folders[0], named))


def sentence_transformer(folder: ModelFolder) -> Any:
    """A `SentenceTransformer` in float32; mean pooling where the folder says nothing else."""
    with _libraries(folder.name):
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(
            str(folder.path),
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": "float32"},
        )


def cross_encoder(folder: ModelFolder) -> Any:
    """A `CrossEncoder` in float32 whose scores are not squashed: close ones stay apart."""
    with _libraries(folder.name):
        from sentence_transformers import CrossEncoder
        from torch.nn import Identity

        return CrossEncoder(
            str(folder.path),
            activation_fn=Identity(),
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": "float32"},
        )


def causal_model(folder: ModelFolder) -> tuple[Any, Any]:
    """A model that continues texts, on the accelerator if there is one, and its tokenizer."""
    with _libraries(folder.name):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(
            str(folder.path), local_files_only=True, trust_remote_code=False
        )
        model = AutoModelForCausalLM.from_pretrained(
            str(folder.path),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype="auto",
        )
        device = torch.accelerator.current_accelerator(check_available=True)
        return model.eval().to(device or "cpu"), tokenizer


def spread_over(threads: int) -> None:
    """Over how many threads torch spreads what the calling thread has it compute."""
    import torch

    torch.set_num_threads(threads)


def template_errors() -> tuple[type[Exception], ...]:
    """What a tokenizer raises that has no template, or one that refuses a conversation."""
    from jinja2 import TemplateError

    return (TemplateError, KeyError, TypeError, ValueError)


@contextmanager
def _libraries(what: str) -> Iterator[None]:
    """The libraries, quiet and cut off from their hub; what goes wrong becomes `StartError`."""
    with _LOADING:
        try:
            _quiet()
            yield
        except StartError:
            raise
        except ModuleNotFoundError as problem:
            raise StartError(
                f"The model {what} needs the extra `local`, which is not installed:"
                f" there is no {problem.name}.",
                hint=EXTRA,
            ) from problem
        # Each library and model type fails in its own way on a folder that is not as it expects.
        except Exception as problem:
            said = " ".join(f"{type(problem).__name__}: {problem}".split())[:SHOWN_CHARACTERS]
            raise StartError(
                f"The model {what} cannot be loaded: {said}",
                hint="Use a model that the installed transformers knows. Code that a model brings"
                " along is never run.",
            ) from problem


def _quiet() -> None:
    from huggingface_hub import constants

    # Before anything else of it is used: whatever would be asked of the hub fails instead.
    constants.HF_HUB_OFFLINE = True
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
