"""A share of right labels with its interval, and what excluding texts does to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llkd.evaluation.certificate.precision import exact_interval


@dataclass(frozen=True)
class ShareRight:
    """The share of right labels among ``texts`` texts, in [0, 1], by ``checked`` of them.

    ``low`` and ``high`` bound it with 95 % confidence.
    """

    value: float
    low: float
    high: float
    checked: int
    texts: int

    @property
    def everything(self) -> bool:
        """Whether each of the texts was checked."""
        return self.checked == self.texts


def excluded_for_answers(among: np.ndarray, gone: np.ndarray, sample: np.ndarray) -> bool:
    """Whether texts of a random ``sample`` (positions) were excluded oftener than its others.

    Then it was for what was seen of them: those not yet looked at hold as many of the kind, and the
    rest of the sample is better than they are (one-sided hypergeometric test at 5 %). Texts that
    were excluded by another token, looked at or not, leave a fair sample of the others.
    """
    hits = int(gone[sample].sum())
    total, sampled = int(among.sum()), int(among[sample].sum())
    from scipy import stats  # half a second that few callers need

    return bool(hits and stats.hypergeom.sf(hits - 1, total, int(gone.sum()), sampled) <= 0.05)


def without_excluded(share: ShareRight, gone: int, checked: int, right: int) -> ShareRight | None:
    """Of what is left of a share's texts without ``gone`` ones, of which ``checked`` are known.

    ``right`` of those known are right. None where nothing is left.
    """
    rest = share.texts - gone
    if rest <= 0:
        return None
    part = right / checked
    low, high = exact_interval(gone, checked, right)
    value = (share.value * share.texts - part * gone) / rest
    below = np.hypot((share.value - share.low) * share.texts, (high - part) * gone) / rest
    above = np.hypot((share.high - share.value) * share.texts, (part - low) * gone) / rest
    middle, least, most = (
        min(1.0, max(0.0, float(end))) for end in (value, value - below, value + above)
    )
    return ShareRight(middle, least, most, share.checked - checked, rest)
