"""Which kinds of decoders share the prompt's beginning between texts, and what that is worth.

Small models with random weights (``--hidden`` wide, ``--layers`` deep) of each kind are asked about
the same texts among 77 classes, the fast way and by whole prompts: processor seconds of each, and
how far the scores lie apart (fp32). Random weights answer nothing; they compute as others do.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, not installed

from llkd.config import LabelSet, TeacherConfig  # noqa: E402
from llkd.datasets.importing import sample_texts  # noqa: E402
from llkd.teachers.local.teacher import LocalTeacher  # noqa: E402
from llkd.teachers.local.windows import attention_window  # noqa: E402
from tests.support.tiny_teacher import make_tokenizer, seeded  # noqa: E402

CLASSES = 77
WINDOW = 2048
ALTERNATING = {"sliding_window": WINDOW}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "Llama": ("Llama", {}),
    "Gemma": ("Gemma", {}),
    "Gemma 2": ("Gemma2", ALTERNATING),
    "Gemma 3": ("Gemma3", ALTERNATING),
    "Mistral": ("Mistral", ALTERNATING),
    "Cohere 2": ("Cohere2", ALTERNATING),
    "Granite": ("Granite", {"logits_scaling": 8.0}),
    "OPT": ("OPT", {}),
    "Bloom": ("Bloom", {}),
    "MPT": ("Mpt", {}),
    "GPT-2": ("GPT2", {}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    typed = parser.parse_args()
    torch.set_num_threads(1)
    texts = [str(text) for text in sample_texts().texts["text"][: typed.texts]]
    labels = LabelSet.of([f"matter of the {k // 10} kind {k % 10}" for k in range(CLASSES)])
    tokenizer = make_tokenizer()
    print(f"{len(texts)} texts, {CLASSES} classes, {typed.layers} layers of {typed.hidden}\n")
    print("| kind | looks back | shares the prefix | s | s, whole prompts | × | apart |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for kind in typed.kinds:
        model = made_model(kind, typed.hidden, typed.layers)
        teacher = LocalTeacher(model, tokenizer, labels, TeacherConfig(), identity={"model": kind})
        window, fast = attention_window(model.config), teacher.scorer.fast
        own, seconds = scored(teacher, texts)
        teacher.scorer.fast = False
        whole, plain = scored(teacher, texts)
        print(
            f"| {kind} | {'all' if window is None else f'{window:,}'} | {'yes' if fast else 'no'} "
            f"| {seconds:.2f} | {plain:.1f} | {plain / seconds:.0f} | "
            f"{np.abs(own - whole).max():.0e} |",
            flush=True,
        )


def made_model(kind: str, hidden: int, layers: int) -> Any:
    """A decoder of this kind with seeded random weights."""
    name, changes = KINDS[kind]
    text = "Text" if name == "Gemma3" else ""
    config = getattr(transformers, f"{name}{text}Config")
    heads = hidden // 32
    sizes = {
        "vocab_size": 512,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "initializer_range": 0.1,
        "max_position_embeddings": 4096,
    }
    if name == "Mpt":
        sizes["max_seq_len"] = 4096
    if name == "OPT":
        sizes |= {"ffn_dim": 4 * hidden, "word_embed_proj_dim": hidden}
    elif name not in {"Bloom", "GPT2", "Mpt"}:
        sizes |= {"intermediate_size": 4 * hidden, "num_key_value_heads": heads // 2}
        sizes |= {"head_dim": 32} if name.startswith("Gemma") else {}
    return seeded(getattr(transformers, f"{name}ForCausalLM"), config(**sizes, **changes))


def scored(teacher: LocalTeacher, texts: list[str]) -> tuple[np.ndarray, float]:
    """Scores of all texts, and the processor seconds that they took."""
    began = time.process_time()
    scores = np.empty((len(texts), CLASSES))
    for batch in teacher.score(texts):
        scores[batch.index] = batch.scores
    return scores, time.process_time() - began


if __name__ == "__main__":
    main()
