"""Classify texts with the files of this folder: pip install onnxruntime tokenizers numpy.

python predict.py "a text" "another text"      (--int8 takes the smaller model)
python predict.py < texts.txt                  (one text a line in, one line of JSON each out)
"""
# ruff: noqa: T201

import json
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


def main() -> None:
    """Write one line of JSON for each text."""
    here, typed = Path(__file__).parent, [part for part in sys.argv[1:] if part != "--int8"]
    name = "model_quantized.onnx" if "--int8" in sys.argv else "model.onnx"
    file = here / "onnx" / name
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    names, pad = json.loads(about["class_names"]), int(about["pad_id"])
    tokenizer = Tokenizer.from_file(str(here / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(about["max_tokens"]))
    lines = (line.decode("utf-8", "replace").rstrip("\r\n") for line in sys.stdin.buffer)
    texts = iter(typed or lines)
    while batch := [text.encode("utf-8", "replace").decode() for text in islice(texts, 32)]:
        rows = [encoding.ids or [pad] for encoding in tokenizer.encode_batch(batch)]
        mask = np.arange(max(map(len, rows))) < np.array([[len(row)] for row in rows])
        ids = np.full(mask.shape, pad, dtype=np.int64)
        ids[mask] = np.concatenate(rows)
        fed = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
        logits = session.run(["logits"], fed)[0].astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        for text, p in zip(batch, shares.tolist(), strict=True):
            best = {"label": names[p.index(max(p))], "confidence": max(p), "text": text}
            print(json.dumps({**best, "probabilities": dict(zip(names, p, strict=True))}))


if __name__ == "__main__":
    main()
