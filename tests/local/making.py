"""Tiny models with random weights, as somebody would find them in a folder."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    BertTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

TEXT = (
    "rain fell on the harbour all night and boats stayed in payroll closes fifth working day of "
    "each month a tulip bulb needs cold winter before it will flower does need when is what who"
)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:;!?()_#<>|/-"
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MAX_TOKENS = 64
# As in models of the ChatML family: marks of turns that are tokens of their own.
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
STRICT = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('No system.') }}"
    "{% endif %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
READS = 2048


def bert(folder: Path, *, labels: int = 0) -> Path:
    """A BERT that makes states, or that gives a pair `labels` numbers; with its tokenizer."""
    torch.manual_seed(7)
    pieces = dict.fromkeys([*SPECIALS, *TEXT.split(), *LETTERS, *(f"##{one}" for one in LETTERS)])
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=MAX_TOKENS,
        num_labels=labels or 2,
    )
    made: Any = BertForSequenceClassification(config) if labels else BertModel(config)
    made.eval().save_pretrained(folder)
    BertTokenizer(vocab=vocabulary, model_max_length=MAX_TOKENS).save_pretrained(folder)
    return folder


def llama(folder: Path, *, template: str | None = TEMPLATE, ends: bool = False) -> Path:
    """A Llama that writes nonsense, without end unless it `ends`; a tokenizer of bytes."""
    torch.manual_seed(11)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT] * 4, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
    )
    if template is not None:
        fast.chat_template = template
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=READS,
        eos_token_id=fast.convert_tokens_to_ids("<|im_end|>"),
        pad_token_id=fast.convert_tokens_to_ids("<|endoftext|>"),
        bos_token_id=None,
    )
    model: Any = LlamaForCausalLM(config)
    model.generation_config.suppress_tokens = [config.pad_token_id]
    if ends:
        model.generation_config.exponential_decay_length_penalty = (20, 9.0)
    else:
        model.generation_config.suppress_tokens += [config.eos_token_id]
    model.eval().save_pretrained(folder)
    return folder


def modules(folder: Path, parts: Iterable[tuple[str, str]]) -> None:
    """Write which classes, in which folders below, the model is put together of."""
    listed = [
        {"idx": number, "name": str(number), "path": path, "type": kind}
        for number, (path, kind) in enumerate(parts)
    ]
    (folder / "modules.json").write_text(json.dumps(listed), "utf-8")
