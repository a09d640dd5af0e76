"""Which of several ways to ask and to calibrate is best, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd.selection import signals
from llkd.selection.signals import Floats

DRAWS = 2000
MOST_DRAWN = 4_000_000  # rows in all draws together: they are held in memory
LEVEL = 0.95


@dataclass(frozen=True)
class Arm:
    """One candidate under one calibration without temperature, on the rows that all share.

    ``confidence`` [n] (0 where there is none), ``correct`` [n].
    """

    candidate: int
    calibration: str
    confidence: Floats
    correct: np.ndarray


def recommend(
    arms: Sequence[Arm],
    names: Sequence[str],
    measures: Mapping[int, Sequence[Mapping[str, Any]]],
    default: str,
    seed: int,
) -> dict[str, Any] | None:
    """The best arm by the area under its risk-coverage curve; None without an arm.

    The product keeps the confident labels, so what counts is the error among the kept, averaged
    over all shares that can be kept; accuracy breaks ties. A temperature changes no label: it is
    chosen last, where gold is likelier under it (cross-fitted). ``names`` are the candidates',
    ``measures`` their figures; candidate 0 under ``default`` is what is in use.

    How sure: paired bootstrap over rows. ``sure`` is the share of draws in which the arm is the
    best of all (draws with equals shared among them; of arms that answer just alike one
    competes); differences are the other's area minus the
    best's, with a percentile interval. ``recommended`` is what is in use unless the best is clearly
    better than it: ``clear``, by more than the luckiest of so many arms would be by chance. Among
    equals the one in use comes first.
    """
    tried = len(arms)
    arms = _distinct(arms, default)
    if not arms:
        return None
    n = len(arms[0].correct)
    draws = max(200, min(DRAWS, MOST_DRAWN // n))
    sampled_areas = areas(
        arms, np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), draws)
    )
    area = areas(arms, np.ones((1, n), dtype=np.int64))[:, 0]
    right = [float(arm.correct.mean()) for arm in arms]
    current = _in_use(arms, default)
    order = sorted(range(len(arms)), key=lambda a: (area[a], -right[a], a != current, a))
    best = order[0]
    lowest = sampled_areas == sampled_areas.min(axis=0)

    def described(a: int) -> dict[str, Any]:
        candidate = arms[a].candidate
        calibration = _twin(arms[a].calibration, measures[candidate])
        return {
            "candidate": candidate,
            "calibration": calibration,
            "name": f"{names[candidate]}, {spoken(calibration)}",
            "accuracy": right[a],
        }

    def against(a: int) -> dict[str, Any]:
        low, high = np.quantile(
            sampled_areas[a] - sampled_areas[best], [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        )
        difference = float(area[a] - area[best])
        return {**described(a), "difference": difference, "low": float(low), "high": float(high)}

    rival = against(order[1]) if len(order) > 1 else None
    used = None if current is None else against(current)
    if current is None or current == best:
        clear = rival is None or rival["low"] > 0
    else:
        clear = bool(area[current] - area[best] > _luck(sampled_areas, area, current))
    choice = {
        **described(best),
        "aurc": float(area[best]),
        "sure": float((lowest[best] / lowest.sum(axis=0)).mean()),
        "clear": clear,
        "runner_up": rival,
        "in_use": used,
        "difference": None if rival is None else rival["difference"],
        "low": None if rival is None else rival["low"],
        "high": None if rival is None else rival["high"],
        "tried": tried,
        "alike": tried - len(arms),
        "rows": n,
    }
    recommended = described(best) if clear or current is None else described(current)
    choice["recommended"] = {key: recommended[key] for key in ("candidate", "calibration")}
    return {**choice, "sentence": _sentence(choice, current == best)}


def _luck(sampled_areas: Floats, area: Floats, current: int) -> float:
    """The lead over ``current`` that the luckiest arm has by chance alone, at LEVEL (two-sided).

    White's (2000) reality check: the most of many leads is large though none is real.
    """
    leads = (sampled_areas[current] - sampled_areas) - (area[current] - area)[:, None]
    return float(np.quantile(leads.max(axis=0), (1 + LEVEL) / 2))


def areas(arms: Sequence[Arm], weights: np.ndarray) -> Floats:
    """Area under each arm's risk-coverage curve, ``[arms, draws]``; ``weights`` [draws, n].

    A row counts as often as its weight says; see ``evaluation.aurc``.
    """
    area = np.empty((len(arms), len(weights)))
    for a, arm in enumerate(arms):
        order = np.argsort(-arm.confidence, kind="stable")
        ranked = arm.confidence[order]
        ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        weight = weights[:, order]
        coverage = np.cumsum(weight, axis=1)[:, ends]
        wrong = np.cumsum(weight * ~arm.correct[order], axis=1)[:, ends]
        width = np.diff(coverage, axis=1, prepend=0)
        area[a] = (wrong / np.maximum(coverage, 1) * width).sum(axis=1) / coverage[:, -1]
    return area


def _distinct(arms: Sequence[Arm], default: str) -> list[Arm]:
    """The arms without those that answer just like another; the one in use stays.

    Two equals would halve each other's chance to be the best.
    """
    current = _in_use(arms, default)
    order = sorted(range(len(arms)), key=lambda a: (a != current, a))
    indices: list[int] = []
    for a in order:
        arm = arms[a]
        if not any(
            np.array_equal(arm.confidence, arms[k].confidence)
            and np.array_equal(arm.correct, arms[k].correct)
            for k in indices
        ):
            indices.append(a)
    return [arms[a] for a in sorted(indices)]


def _in_use(arms: Sequence[Arm], default: str) -> int | None:
    """The arm of what is in use now: candidate 0 under ``default``, else under what there is."""
    own = {arm.calibration: a for a, arm in enumerate(arms) if arm.candidate == 0}
    return own.get(default, own.get("none"))


def _twin(base: str, measures: Sequence[Mapping[str, Any]]) -> str:
    """The calibration or its tempered twin, whichever makes gold likelier."""
    nll = {line["calibration"]: line["nll"] for line in measures}
    plain, tempered = nll.get(base), nll.get(base + signals.TEMPERED)
    better = plain is not None and tempered is not None and tempered < plain
    return base + signals.TEMPERED if better else base


def spoken(calibration: str) -> str:
    """A calibration in words: with batch calibration and a temperature."""
    base, tempered = signals.split_calibration(calibration)
    if base == "none":
        return "with a temperature" if tempered else "uncalibrated"
    return f"with {base} calibration" + (" and a temperature" if tempered else "")


def _sentence(choice: Mapping[str, Any], in_use_is_best: bool) -> str:
    name, share = choice["name"], _percent(choice["accuracy"])
    rival, used, tried = choice["runner_up"], choice["in_use"], choice["tried"]
    texts = f"{choice['rows']:,} texts"
    if rival is None:
        others = "All others answer alike." if choice["alike"] else "There is nothing to compare."
        return f"{name}: {share} of {texts} right. {others}"
    sure = _percent(choice["sure"], 0)
    chance = rival["low"] <= 0
    close = f" The difference to {rival['name']} may be chance." if chance else ""
    if in_use_is_best:
        return (
            f"Keep the settings as they are ({name}): {share} of {texts} right, the best of the "
            f"{tried} tried with probability {sure}.{close}"
        )
    if not choice["clear"]:
        keep = ""
        if used is not None:
            in_use = f"{used['name']}, {_percent(used['accuracy'])} of {texts} right"
            keep = f": keep the settings as they are ({in_use})"
        return (
            f"No clear winner{keep}. {name} is ahead with {share} right, but that may be chance: "
            f"it is the best of the {tried} tried with probability {sure}."
        )
    gain = (
        ""
        if used is None
        else f" against {_percent(used['accuracy'])} with the settings as they are"
    )
    return (
        f"{name}: {share} of {texts} right{gain}. It is the best of the {tried} tried with "
        f"probability {sure}.{close}"
    )


def _percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"
