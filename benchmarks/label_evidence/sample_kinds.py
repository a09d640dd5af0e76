"""Where the sample's labels are wrong: by kind of message, and what a hold-out can say of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.label_evidence.arms import Arm, arms_of, sources_of
from benchmarks.label_evidence.draws import Draw
from benchmarks.label_evidence.texts import ROOT, SAMPLE, text_set
from llkd.curation.probe import fit_probe

HOLD_OUTS, SHARE = 20, 0.25


def print_sample(cache: Path, folder: Path) -> None:
    """Accuracy of every arm on all texts by kind, then over random hold-outs, in percent."""
    everything = text_set(folder, SAMPLE, "confirm")
    rows = np.arange(len(everything.texts))
    data = replace(everything, half="all", held_out=rows < 0, natural=rows >= 0)
    gold_file = pd.read_csv(ROOT / "sample_data" / "city_messages_gold.csv", keep_default_na=False)
    kind = gold_file["kind"].to_numpy()
    kinds = list(gold_file["kind"].value_counts().index)
    sources = sources_of(cache, data)
    arms, _ = arms_of(Draw(data, "all", rows), sources)
    heads = [f"{name} ({(kind == name).sum()})" for name in kinds]
    print(f"\n| labels | all ({len(rows):,}) | {' | '.join(heads)} |\n|{'---|' * (2 + len(heads))}")
    for arm in arms:
        right = arm.label == data.gold
        shares = [right.mean(), *(right[kind == name].mean() for name in kinds)]
        print(f"| {arm.name} | {' | '.join(f'{100 * share:.1f}' for share in shares)} |")
    print(f"\n| labels | right in {HOLD_OUTS} random hold-outs | linear student of the others |")
    print("|---|---|---|")
    gold = Arm("gold", False, data.gold, np.ones(len(rows)))
    for arm in (*arms, gold):
        print(f"| {arm.name} | {' | '.join(_over_hold_outs(arm, data.gold, sources.points))} |")


def _over_hold_outs(arm: Arm, gold: np.ndarray, points: np.ndarray) -> list[str]:
    """Mean and range of the labels' and of the student's accuracy on held-out texts."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(HOLD_OUTS):
        order = rng.permutation(len(gold))
        held, rest = np.split(order, [int(SHARE * len(order))])
        model = fit_probe(points[rest], arm.label[rest], int(gold.max()) + 1)
        answers = model.probabilities(points[held]).argmax(axis=1)
        shares.append([(arm.label[held] == gold[held]).mean(), (answers == gold[held]).mean()])
    values = 100 * np.array(shares)
    return [
        f"{mean:.1f} ({low:.1f} to {high:.1f})"
        for mean, low, high in zip(
            values.mean(axis=0), values.min(axis=0), values.max(axis=0), strict=True
        )
    ]
