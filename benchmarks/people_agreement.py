"""How often the intervals of kappa and alpha hold the truth, in simulations where it is known.

    python -m benchmarks.people_agreement [--repeats 1000]

Two (or three) people label each text rightly with the same chance and otherwise any other class
alike. Beside the product's interval stand the large-sample one of Fleiss, Cohen and Everitt (1969)
and the bootstrap of percentiles. Cases in which nobody gave a second class have no kappa and count
for none of them; their share is printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from llkd.evaluation.certificate import cohen_kappa, krippendorff_alpha

SHARES: dict[str, list[float]] = {
    "two, even": [0.5, 0.5],
    "two, 90:10": [0.9, 0.1],
    "two, 97:3": [0.97, 0.03],
    "five, even": [0.2] * 5,
    "five, 80:5:5:5:5": [0.8, 0.05, 0.05, 0.05, 0.05],
}
RIGHT = (0.99, 0.95, 0.85, 0.7)
SIZES = (20, 60, 200)
BOOTSTRAPS = 400


def joint(shares: Sequence[float], right: float) -> tuple[np.ndarray, np.ndarray]:
    """The chance of each pair of labels ``[C, C]``, and of each label of a class ``[C, C]``."""
    classes = len(shares)
    wrong = (1 - right) / (classes - 1)
    says = np.full((classes, classes), wrong)
    np.fill_diagonal(says, right)
    pairs = sum(share * np.outer(says[k], says[k]) for k, share in enumerate(shares))
    return np.asarray(pairs), says


def kappa_of(tables: np.ndarray) -> np.ndarray:
    """Kappa of tables of shares ``[d, C, C]``; NaN where chance agrees always."""
    agree = np.trace(tables, axis1=1, axis2=2)
    chance = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance < 1 - 1e-12, (agree - chance) / (1 - chance), np.nan)


def large_sample(table: np.ndarray, n: int) -> tuple[float, float]:
    """The interval of Fleiss, Cohen and Everitt."""
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    agree, chance = float(np.trace(table)), float(rows @ columns)
    kappa = (agree - chance) / (1 - chance)
    diagonal = np.diag(table) @ ((1 - chance) - (rows + columns) * (1 - agree)) ** 2
    pairs = (columns[:, None] + rows[None, :]) ** 2
    others = (table * pairs).sum() - np.diag(table) @ np.diag(pairs)
    variance = diagonal + (1 - agree) ** 2 * others - (agree * chance - 2 * chance + agree) ** 2
    half = 1.959964 * (max(0.0, variance) / (n * (1 - chance) ** 4)) ** 0.5
    return kappa - half, kappa + half


def kappa_row(shares: list[float], right: float, n: int, repeats: int, seed: int) -> list[float]:
    """True kappa, cover of the three intervals, median width of ours, share without kappa."""
    rng = np.random.default_rng(seed)
    pairs, _ = joint(shares, right)
    truth = float(kappa_of(pairs[None])[0])
    classes = len(shares)
    holds, widths, missing = np.zeros(3), [], 0
    for _ in range(repeats):
        cells = rng.multinomial(n, pairs.ravel())
        first, second = np.divmod(np.repeat(np.arange(classes**2), cells), classes)
        ours = cohen_kappa(first, second)
        if ours.kappa_low is None or ours.kappa_high is None:
            missing += 1
            continue
        table = cells.reshape(classes, classes) / n
        again = rng.multinomial(n, cells / n, size=BOOTSTRAPS).reshape(-1, classes, classes) / n
        intervals = [
            (ours.kappa_low, ours.kappa_high),
            large_sample(table, n),
            tuple(np.nanquantile(kappa_of(again), [0.025, 0.975])),
        ]
        holds += [low <= truth <= high for low, high in intervals]
        widths.append(ours.kappa_high - ours.kappa_low)
    known = max(1, repeats - missing)
    return [truth, *(holds / known), float(np.median(widths)), missing / repeats]


def alpha_row(shares: list[float], right: float, n: int, repeats: int, seed: int) -> list[float]:
    """True alpha of three people, cover of our interval, median width, share without alpha."""
    rng = np.random.default_rng(seed)
    pairs, says = joint(shares, right)
    margin = pairs.sum(axis=1)
    chance = float(margin @ margin)
    truth = (float(np.trace(pairs)) - chance) / (1 - chance)
    holds, widths, missing = 0, [], 0
    for _ in range(repeats):
        true = rng.choice(len(shares), size=n, p=shares)
        steps = says[true].cumsum(axis=1)
        labels = (rng.random((n, 3, 1)) > steps[:, None, :-1]).sum(axis=2)
        labels[rng.random((n, 3)) < 0.2] = -1  # not everybody labels everything
        ours = krippendorff_alpha(labels)
        if ours.alpha_low is None or ours.alpha_high is None:
            missing += 1
            continue
        holds += ours.alpha_low <= truth <= ours.alpha_high
        widths.append(ours.alpha_high - ours.alpha_low)
    known = max(1, repeats - missing)
    return [truth, holds / known, float(np.median(widths)), missing / repeats]


def summary(names: Sequence[str], rows: dict[int, list[list[float]]]) -> None:
    """Least and mean cover of each interval, by the number of texts."""
    print(f"\n| texts | {' | '.join(f'{name}: least, mean' for name in names)} |")
    print(f"|---|{'---|' * len(names)}")
    for n, lines in rows.items():
        cover = 100 * np.array(lines)[:, 1 : 1 + len(names)]
        parts = [
            f"{low:.1f}, {mean:.1f} %"
            for low, mean in zip(cover.min(0), cover.mean(0), strict=True)
        ]
        print(f"| {n} | {' | '.join(parts)} |")


def main() -> None:
    """Print both tables, and what they come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args().repeats
    print(f"Nominal 95 %, {repeats} simulations a line.\n")
    print("| classes | right | texts | \u03ba | ours holds it | large sample | bootstrap | width "
          "| no \u03ba |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    kappas: dict[int, list[list[float]]] = {n: [] for n in SIZES}
    for name, shares in SHARES.items():
        for right in RIGHT:
            for n in SIZES:
                row = kappa_row(shares, right, n, repeats, seed=n)
                kappas[n].append(row)
                cover = " | ".join(f"{100 * share:.1f} %" for share in row[1:4])
                print(
                    f"| {name} | {right:.2f} | {n} | {row[0]:.2f} | {cover} | {row[4]:.2f} | "
                    f"{100 * row[5]:.0f} % |",
                    flush=True,
                )
    summary(["ours", "large sample", "bootstrap"], kappas)
    print("\n| classes | right | texts | \u03b1 of three | ours holds it | width | no \u03b1 |\n"
          "|---|---|---|---|---|---|---|")  # fmt: skip
    alphas: dict[int, list[list[float]]] = {n: [] for n in SIZES[:2]}
    for name, shares in SHARES.items():
        for right in RIGHT:
            for n in SIZES[:2]:
                row = alpha_row(shares, right, n, repeats, seed=n)
                alphas[n].append(row)
                print(
                    f"| {name} | {right:.2f} | {n} | {row[0]:.2f} | {100 * row[1]:.1f} % | "
                    f"{row[2]:.2f} | {100 * row[3]:.0f} % |",
                    flush=True,
                )
    summary(["ours"], alphas)


if __name__ == "__main__":
    main()
