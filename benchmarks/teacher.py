"""The embedded teacher against plainer ways of asking the same model, and against the processor.

The arms take turns within each round, on texts of the same lengths, and the processor's peak is
measured between them: a machine that is busy for a while slows all of them alike. The peak is the
best matrix product seen, in the number type that the teacher works in; the share of it counts only
the work that the task needs (no padding), from the model's shapes.

    python benchmarks/teacher.py [--data DATA] [--rounds 5] [--texts 384] [--agree 400] [--quick]

The data folder holds ``ag_news_pool.csv.gz``; without it the sample's texts are taken.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, not installed

from llkd.cli.output import print_table  # noqa: E402
from llkd.config import LabelSet, TeacherConfig  # noqa: E402
from llkd.selection import signals  # noqa: E402
from llkd.store.home import Home  # noqa: E402

# A slow arm sees every n-th text of a round, so that each takes about as long.
EVERY = {"generate": 16, "pipeline": 8, "no prefix": 3, "ours": 1}
NAMES = {
    "generate": "(a) generate, one text at a time, fp32",
    "pipeline": "(b) text-generation pipeline, batches of 16, fp32",
    "no prefix": "(c) ours without the prefix cache",
    "ours": "ours",
}
# Rows, inner size, columns of the products whose best pace counts as the processor's peak.
SIZES = [(1024, 1024, 1024), (2048, 576, 1536), (2048, 2048, 2048), (4096, 1536, 576)]


def read_texts(data: Path) -> tuple[list[str], list[str]]:
    """Texts and their classes."""
    path = data / "ag_news_pool.csv.gz"
    if path.exists():
        frame = pd.read_csv(path, keep_default_na=False)
    else:
        texts = pd.read_csv(ROOT / "sample_data" / "city_messages.csv", keep_default_na=False)
        gold = pd.read_csv(ROOT / "sample_data" / "city_messages_gold.csv", keep_default_na=False)
        frame = texts.merge(gold, on="id", validate="one_to_one")
    frame = frame.sample(frac=1, random_state=0)
    print(f"{len(frame):,} texts: {path.name if path.exists() else 'the sample'}")
    return [str(text) for text in frame["text"]], [str(name) for name in frame["label"]]


class Arms:
    """The same model, asked in four ways; each is a function of texts."""

    def __init__(self, labels: LabelSet, home: Path) -> None:
        import torch
        from transformers import pipeline

        from llkd.teachers import make_teacher
        from llkd.teachers.local.teacher import LocalTeacher

        self.ours: Any = make_teacher(TeacherConfig(), labels, home)
        self.encoder = self.ours._encoder
        self.model = self.ours._model
        self.tokenizer = copy.deepcopy(self.encoder._tokenizer)
        self.tokenizer.padding_side = "left"
        exact: Any = make_teacher(TeacherConfig(precision="fp32"), labels, home)
        self.exact = exact
        self.no_prefix = LocalTeacher(
            self.model, self.tokenizer, labels, TeacherConfig(), identity={}
        )
        self.no_prefix._scorer.fast = False
        self.pipeline = pipeline("text-generation", model=exact._model, tokenizer=self.tokenizer)
        self.new_tokens = max(map(len, self.encoder.answers))
        self._torch = torch
        self.run: dict[str, Callable[[Sequence[str]], object]] = {
            "generate": self._generate,
            "pipeline": self._pipeline,
            "no prefix": lambda texts: scores_of(self.no_prefix, texts),
            "ours": lambda texts: scores_of(self.ours, texts),
        }

    def _generate(self, texts: Sequence[str]) -> None:
        for text in texts:
            ids = self.tokenizer(self.ours.prompt(text), return_tensors="pt").to(self.model.device)
            self.exact._model.generate(
                **ids,
                max_new_tokens=self.new_tokens,
                do_sample=False,
                pad_token_id=self.tokenizer.pad_token_id,
            )

    def _pipeline(self, texts: Sequence[str]) -> None:
        self.pipeline(
            [self.ours.prompt(text) for text in texts],
            batch_size=16,
            max_new_tokens=self.new_tokens,
            do_sample=False,
            return_full_text=False,
        )


def scores_of(teacher: Any, texts: Sequence[str]) -> np.ndarray:
    """Scores of all texts, [n, C]."""
    scores = np.full((len(texts), len(teacher._labels.labels)), np.nan)
    for batch in teacher.score(texts):
        scores[batch.index] = batch.scores
    return scores


def operations(arms: Arms, texts: Sequence[str]) -> float:
    """Floating-point operations that our path needs for these texts, padding left out.

    Two for every weight of a layer's matrices and token; for every token, layer and key it sees two
    products over the heads' width; the head over the whole vocabulary at the end of the prompt and
    at each node of the answer tree.
    """
    import torch

    model, encoder = arms.model, arms.encoder
    config = model.config
    linear = sum(
        m.weight.numel() for m in model.get_decoder().modules() if isinstance(m, torch.nn.Linear)
    )
    width = config.num_attention_heads * (
        getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    )
    tree = arms.ours._scorer._tree
    nodes, depth = len(tree), int(tree.depth.sum())
    head = 2.0 * config.vocab_size * config.hidden_size * (1 + nodes)
    total = 0.0
    for row in encoder.encode(texts):
        body = len(row) + len(encoder.suffix)
        keys = len(encoder.prefix) * (body + nodes) + body * (body + 1) / 2 + body * nodes + depth
        total += 2.0 * linear * (body + nodes)
        total += 4.0 * config.num_hidden_layers * width * keys
        total += head
    return total


def measure_peak(dtype: Any, device: Any, repeats: int = 4) -> float:
    """The best pace of a matrix product, in operations a second."""
    import torch

    best = 0.0
    with torch.inference_mode():
        for rows, inner, columns in SIZES:
            left = torch.randn(rows, inner, device=device).to(dtype)
            right = torch.randn(columns, inner, device=device).to(dtype)
            for _ in range(repeats):
                began = time.perf_counter()
                torch.nn.functional.linear(left, right).sum().item()
                seconds = time.perf_counter() - began
                best = max(best, 2.0 * rows * inner * columns / seconds)
    return best


def warm_up(arms: Arms, texts: Sequence[str], limit: int) -> None:
    """Every arm once; ours until its batch size is found, as it is in any long job."""
    for name, work in arms.run.items():
        work(texts[: 16 if name == "pipeline" else 4])
    done = 0
    while not arms.ours._sizer.settled and done < limit:
        block = texts[done % len(texts) :][:2048]
        scores_of(arms.ours, block)
        done += len(block)
    print(f"Batches of {arms.ours.batch_tokens:,} tokens.", flush=True)


def measure_rounds(arms: Arms, texts: Sequence[str], rounds: int, size: int) -> None:
    """Take turns, then print the paces and their ratios."""
    paces: dict[str, list[float]] = {name: [] for name in NAMES}
    work: list[float] = []
    peaks: list[float] = []
    for number in range(rounds):
        start = number * size % max(1, len(texts) - size + 1)
        # In order of length, so that each arm gets the same lengths and no batch much padding.
        block = sorted(texts[start : start + size], key=len)
        needed = operations(arms, block)
        # Another order in each round: none always follows the same neighbour.
        for name in np.random.default_rng(number).permutation(list(NAMES)):
            peaks.append(measure_peak(arms.model.dtype, arms.model.device))
            texts_of_round = block[EVERY[name] // 2 :: EVERY[name]]
            began = time.perf_counter()
            arms.run[name](texts_of_round)
            seconds = time.perf_counter() - began
            paces[name].append(len(texts_of_round) / seconds)
            if name == "ours":
                work.append(needed / seconds)
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    base = statistics.median(paces["generate"])
    rows = [
        {
            "arm": NAMES[name],
            "texts/s": spread(pace),
            "ratio": f"{statistics.median(pace) / base:.1f} x",
            "rounds": spread([a / b for a, b in zip(pace, paces["generate"], strict=True)]),
        }
        for name, pace in paces.items()
    ]
    print_table(
        rows,
        {
            "arm": ("arm", ""),
            "texts/s": ("texts/s, median (min..max)", ""),
            "ratio": ("to (a)", ""),
            "rounds": ("to (a) of the same round", ""),
        },
    )
    peak = max(peaks)
    dtype = str(arms.model.dtype).removeprefix("torch.")
    print(
        f"Peak of matrix products in {dtype}: {peak / 1e9:,.0f} GFLOP/s (best; "
        f"while measuring {spread([value / 1e9 for value in peaks])})."
    )
    shares = [value / peak for value in work]
    print(f"Ours uses {spread([100 * share for share in shares])} % of it.")


def measure_agreement(arms: Arms, texts: Sequence[str], gold: Sequence[str]) -> None:
    """Whether our labels are those of exact scores, both after ``batch`` calibration."""
    scores = {"ours": scores_of(arms.ours, texts), "exact": scores_of(arms.exact, texts)}
    few = texts[:8]
    scorer = arms.exact._scorer
    was, scorer.fast = scorer.fast, False
    difference = np.abs(scores_of(arms.exact, few) - scores["exact"][: len(few)]).max()
    scorer.fast = was
    names = arms.ours._labels.names
    labels, right = {}, {}
    for name, scores_of_way in scores.items():
        shift = signals.calibration_bias(scores_of_way, "batch")
        labels[name] = signals.pseudo_label(signals.teacher_probabilities(scores_of_way, shift))
        right[name] = float(
            np.mean([names[k] == g for k, g in zip(labels[name], gold, strict=True)])
        )
    same = float((labels["ours"] == labels["exact"]).mean())
    print(
        f"Labels equal those of fp32 scoring on {100 * same:.1f} % of {len(texts):,} texts after "
        f"batch calibration (right: ours {100 * right['ours']:.1f} %, fp32 "
        f"{100 * right['exact']:.1f} %; fp32 with and without the cache at most "
        f"{difference:.1e} apart)."
    )


def spread(values: Sequence[float]) -> str:
    """Median (min..max)."""
    return f"{statistics.median(values):,.1f} ({min(values):,.1f}..{max(values):,.1f})"


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=384, help="of a round, for the fastest arm")
    parser.add_argument("--agree", type=int, default=400, help="texts to compare labels on")
    parser.add_argument("--home", help="where the converted weights are kept")
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.texts, arguments.agree = 2, 32, 24

    texts, gold = read_texts(arguments.data)
    arms = Arms(LabelSet.of(sorted(set(gold))), Home(arguments.home).root)
    warm_up(arms, texts, limit=0 if arguments.quick else 16_384)
    measure_rounds(arms, texts, arguments.rounds, arguments.texts)
    measure_agreement(arms, texts[: arguments.agree], gold[: arguments.agree])


if __name__ == "__main__":
    main()
