"""How far people agree, and what that means, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from llkd.evaluation.certificate import Alpha
from llkd.evaluation.people.records import PairAgreement

KAPPA, ALPHA = "\u03ba", "Krippendorff\u2019s \u03b1"


def meaning(pairs: Sequence[PairAgreement], alpha: Alpha | None = None) -> str:
    """What the agreement means for an audit: people's labels are its ground truth."""
    agreement = (
        alpha.agreement if alpha is not None else pairs[0].kappa.agreement if pairs else None
    )
    if agreement is None:
        return ""
    if agreement == 1:
        return (
            "An audit takes people's labels for the truth. Nothing here says that they are wrong; "
            "but two people who agree can be wrong together."
        )
    apart = 1 - agreement
    return (
        f"An audit takes people's labels for the truth. Where two people differ on {_pct(apart)} "
        f"of texts, at least about {_pct(apart / 2)} of one person's labels are wrong on average, "
        "and a measured accuracy can be off by that much, either way."
    )


def agreement_sentence(pairs: Sequence[PairAgreement], alpha: Alpha | None) -> str:
    """What was measured: how far people agree, about how many texts, with the interval."""
    if alpha is not None and alpha.agreement is not None:
        agree = (
            f"{_people(alpha.people)} agree on {_pct(alpha.agreement)} of pairs of labels of "
            f"{_texts(alpha.texts)}"
        )
        interval = alpha.alpha, alpha.alpha_low, alpha.alpha_high
        return f"{agree} ({_coefficient(ALPHA, *interval)})."
    if not pairs:
        return "No text has two labels yet."
    pair = pairs[0]
    kappa = pair.kappa
    if kappa.agreement is None:
        return "No text has two labels yet."
    if kappa.texts == 1:
        return (
            f"{pair.first} and {pair.second} "
            f"{'agree' if kappa.agreement == 1 else 'disagree'} on the one text that both labelled."
        )
    interval = kappa.kappa, kappa.kappa_low, kappa.kappa_high
    agree = f"agree on {_pct(kappa.agreement)} of {_texts(kappa.texts)}"
    return f"{pair.first} and {pair.second} {agree} ({_coefficient(KAPPA, *interval)})."


def _coefficient(symbol: str, value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return f"no {symbol}: all labels are of one class, where chance agrees as often"
    return f"{symbol} {value:.2f}, {low:.2f} to {high:.2f}"


def _people(number: int) -> str:
    words = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}
    return f"{words.get(number, number)} people"


def _texts(number: int) -> str:
    return f"{number:,} text{'' if number == 1 else 's'}"


def _pct(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + "\u00a0%"
