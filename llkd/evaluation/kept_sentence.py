"""What is known of kept labels in words: the first sentence of Curate, and in short for Train."""

from __future__ import annotations

from llkd.evaluation.kept_quality import LEAST_CHECKED, KeptQuality, ShareRight


def sentence(quality: KeptQuality) -> str:
    """What is known of the labels that are kept, as a person reads it: one to three sentences."""
    known = quality.kept_share is not None or quality.pool_share is not None
    if quality.source == "unknown" or not known:
        return _unknown(quality)
    words = [_figures(quality)]
    mine, pool = quality.kept_share, quality.pool_share
    if quality.worse and mine is not None and pool is not None:
        line = "These lines" if quality.blame is None else f"Raising the {quality.blame} line"
        pair = f"{percent(mine.value)[:-2]} against {percent(pool.value)}"
        words.append(f"{line} picked texts whose labels are worse than the pool's: {pair}.")
    words.append(_basis(quality))
    return " ".join(words)


def in_short(quality: KeptQuality) -> str:
    """What is known of the kept labels, to stand in brackets: about 75 % right (69 to 80 %)."""
    if quality.kept_share is None:
        return "how many are right is not known yet"
    if quality.kept_share.everything:
        return f"{percent(quality.kept_share.value)} right"
    return f"about {percent(quality.kept_share.value)} right, {_interval(quality.kept_share)[2:-1]}"


def _figures(quality: KeptQuality) -> str:
    texts, mine, pool = quality.kept_texts, quality.kept_share, quality.pool_share
    rest = "" if pool is None else f"of the whole pool {percent(pool.value)}{_interval(pool)}"
    if not texts:
        none = f"You keep none of the {quality.pool_texts:,} texts"
        return f"{none}; {rest} are right." if rest else f"{none}."
    if texts == quality.pool_texts and pool is not None:
        return (
            f"You keep all {texts:,} texts: {_about(pool)} of their labels are right"
            f"{_interval(pool)}."
        )
    words = f"Of the {texts:,} text{'s' if texts != 1 else ''} you keep"
    if mine is None:
        return f"{words} too few are checked to say how many are right; {rest} are right."
    words = f"{words} {_about(mine)} are right{_interval(mine)}"
    return f"{words}; {rest}." if rest else f"{words}."


def _about(share: ShareRight) -> str:
    """The share; of texts that were all checked it is no estimate."""
    return percent(share.value) if share.everything else f"about {percent(share.value)}"


def _interval(share: ShareRight) -> str:
    """The interval in brackets behind a space; empty where every text was checked."""
    if share.everything:
        return ""
    return f" ({percent(share.low)[:-2]} to {percent(share.high)})"


def percent(value: float) -> str:
    """A share from 0 to 1 in whole per cent, but never rounded to none or all: 75 %, 99.7 %."""
    whole = f"{100 * value:.0f}"
    if whole in ("0", "100") and 0.0005 <= value < 0.9995:
        whole = f"{100 * value:.1f}"
    return f"{whole}\u00a0%"


def _basis(quality: KeptQuality) -> str:
    checked = quality.checked
    if quality.source == "gold":
        if quality.pool_share is not None and quality.pool_share.everything:
            return "Judged by gold."
        return (
            f"Judged by the {checked:,} texts of the pool that have gold, as if these were a "
            "random part of it."
        )
    if quality.source == "audit":
        return f"Judged by a blind audit of {checked:,} texts."
    most = max(checked, quality.kept_share.checked if quality.kept_share else 0)
    return (
        f"Judged by the {most:,} texts labelled in random order, with the teacher's label in view."
    )


def _unknown(quality: KeptQuality) -> str:
    texts = quality.kept_texts
    if not texts:
        return "You keep no text."
    which = f"the {texts:,} labels" if texts != 1 else "the one label"
    begun = f" {quality.checked:,} are labelled so far." if quality.checked else ""
    return (
        f"Not known yet: how many of {which} you keep are right. Label {LEAST_CHECKED} texts at "
        f"random to know.{begun}"
    )
