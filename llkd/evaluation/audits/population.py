"""The texts that an audit draws from, its chain of nested sets, and the order of drawing.

All three are fixed before the first answer: what is promised later rests on that.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np

from llkd import curation
from llkd.config.selection_rule import EVERYTHING, CertifiedRule, SavedRule, StandaloneRule
from llkd.curation.labels import quoted
from llkd.errors import ConfigError, UserError
from llkd.evaluation.certificate.chain import STARTS
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Audit, Population, Project, Store
from llkd.store.audits import AuditSettings, ChainSet

CHAIN_SHARES = (0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the kept texts: those of highest confidence make a set of the chain, all of them the last."""
LONGEST_NAME = 200


def start_audit(
    store: Store,
    project: Project,
    rule: StandaloneRule | SavedRule = EVERYTHING,
    *,
    who: str = "local user",
    target: float = 0.95,
    confidence_level: float = 0.95,
    people: int = 1,
    seed: int | None = None,
) -> Audit:
    """Freeze what ``rule`` keeps and draw the order in which people are to label it.

    It draws from the pool's texts that the rule keeps, that have a teacher label, and that no
    person has decided about. ``target`` in (0, 1) is the share of right labels to be promised,
    ``confidence_level`` in (0.5, 1) how sure; ``people`` 1, or 2 who label each text blindly.
    ``seed`` None is drawn at random; it is stored.

    Raises ConfigError for a value out of range, UserError where no text is left to draw.
    """
    _check(target, confidence_level, people)
    name = checked_name(who)
    texts = curation.apply_rule(store, project, rule)
    base = texts.rule
    if isinstance(base, CertifiedRule):
        raise UserError(
            f"These texts are certified by audit {base.audit} already. Audit the selection that it "
            "began with."
        )
    plane = texts.plane
    if texts.run is None:
        _keep_fit(store, project, plane)
    frame = plane.frame
    teacher = frame["teacher_label"].to_numpy()
    drawn_from = texts.mask & (teacher >= 0) & (frame["human_label"].to_numpy() < 0)
    if not drawn_from.any():
        raise UserError(
            "There is nothing to audit: no text that is kept has a teacher label and is not "
            f"decided by people. See what is kept: llkd select {quoted(project.name)}"
        )
    confidence = frame["confidence"].to_numpy(np.float32)[drawn_from]
    thresholds = chain_thresholds(confidence)
    level = levels(confidence, thresholds)
    drawn_seed = secrets.randbits(32) if seed is None else int(seed)
    order = np.random.default_rng(drawn_seed).permutation(len(confidence))
    keys = np.array(plane.keys, dtype=object)
    population = Population(
        frame["row"].to_numpy(np.int64)[drawn_from][order],
        keys[teacher[drawn_from]][order],
        confidence[order],
        level[order],
    )
    sizes = np.cumsum(np.bincount(level, minlength=len(thresholds)))
    settings = AuditSettings(
        rule=base.model_copy(update={"calibration": plane.calibration}).model_dump(mode="json"),
        saved_as=texts.saved_as,
        calibration=plane.calibration,
        labeling_run=plane.labeling_run.id,
        target=target,
        confidence_level=confidence_level,
        people=people,
        chain=tuple(
            ChainSet(size=int(size), threshold=threshold)
            for size, threshold in zip(sizes, thresholds, strict=True)
        ),
        starts=STARTS,
        order_sha256=population.order_sha256,
        population_sha256=population.sha256,
        earlier_audits=len(store.audits.all(project.id)),
        project_texts=project.rows,
    )
    audit = store.audits.create(project.id, name, drawn_seed, settings, population)
    detail = {"audit": audit.id, "texts": audit.size, "seed": drawn_seed, "who": name}
    store.events.record(project.id, "audit", detail)
    return audit


def _keep_fit(store: Store, project: Project, plane: curation.Plane) -> None:
    """Keep what a fitted calibration was fitted to: answers would move it, and the labels with it.

    Raises UserError where there is not enough to fit it to yet.
    """
    if signals.split_calibration(plane.calibration)[0] != signals.FITTED:
        return
    if plane.temperature_fit is None:
        raise UserError(
            "The calibration 'fitted' has too few known classes to be fitted to yet, and the "
            "answers of an audit would change the labels that it audits. Choose 'batch' on "
            "Teacher, or "
            f"label {signals.WEIGHT_ROWS} texts first."
        )
    kept_fits = store.labeling_runs.get(plane.labeling_run.id).fits or {}
    if signals.fit_name(plane.calibration) not in kept_fits:
        curation.fit_calibration(store, project, plane.labeling_run, plane.calibration)


def chain_thresholds(
    confidence: Floats, shares: Sequence[float] = CHAIN_SHARES
) -> list[float | None]:
    """The least confidence in each nested set, strictest first; None for the last: all texts.

    Equal confidences are never parted, so that a constant or missing one makes one set of all.
    """
    known = np.sort(confidence[~np.isnan(confidence)])[::-1]
    lines: list[float | None] = []
    for share in sorted(shares):
        place = min(len(known), max(1, round(share * len(confidence)))) - 1
        line = float(known[place]) if len(known) else None
        inside = 0 if line is None else int(np.count_nonzero(known >= line))
        if line is not None and inside < len(confidence) and line not in lines:
            lines.append(line)
    return [*lines, None]


def levels(confidence: Floats, thresholds: Sequence[float | None]) -> Ints:
    """The strictest set ``[N]`` that holds each text: its place among ``thresholds``."""
    level = np.full(len(confidence), len(thresholds) - 1, dtype=np.int64)
    for place in range(len(thresholds) - 2, -1, -1):
        line = thresholds[place]
        level[confidence >= np.float32(line if line is not None else np.inf)] = place
    return level


def checked_name(who: str) -> str:
    """Who audits, as it is stored. Raises ConfigError for what is no name."""
    name = " ".join(who.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise ConfigError(
            f"Who audits is named by 1 to {LONGEST_NAME} printable characters, but it was "
            f"{who[:60]!r}."
        )
    return name


def _check(target: float, confidence_level: float, people: int) -> None:
    if not 0.0 < target < 1.0:
        raise ConfigError(
            f"The share of right labels to be promised lies between 0 and 1, but it was {target}."
        )
    if not 0.5 < confidence_level < 1.0:
        raise ConfigError(
            f"The confidence of the promise lies between 0.5 and 1, but it was {confidence_level}."
        )
    if people not in (1, 2):
        raise ConfigError(f"An audit is for 1 or 2 people, but it was {people}.")
