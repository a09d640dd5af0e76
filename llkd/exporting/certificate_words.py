"""A certificate on a card, for people: its sentence, who audited and how, and what breaks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llkd.exporting.markup import code, visible

LONGEST = 1000


def certificate_lines(facts: Mapping[str, Any] | None) -> list[str]:
    """The paragraphs of a card about a certificate (``evaluation.audits.certificate_facts``).

    None where there is none.
    """
    if facts is None:
        return []
    if not facts["holds"]:
        return [f"**Not certified.** {visible(facts['sentence'], LONGEST)}"]
    people = " and ".join(code(name) for name in facts["people"])
    two = ", two of them for each text, unseen by the other" if facts["two_people"] else ""
    kappa = facts.get("kappa")
    agreement = "" if kappa is None else f" (Cohen's kappa {kappa:.2f})"
    earlier = facts.get("earlier_audits") or 0
    others = "other audit" if earlier == 1 else "other audits"
    before = f" {earlier} {others} of this project came before." if earlier else ""
    again = facts.get("taken_back") or 0
    if again:
        before += f" {again} answer{'s were' if again != 1 else ' was'} taken back on the way."
    return [
        f"**{visible(facts['sentence'], LONGEST)}**",
        f"Audited by {people}{two}{agreement}: {facts['labels']:,} texts drawn at random (seed "
        f"{facts['seed']}), {facts['labels_in_set']:,} of them among these, of which "
        f"{facts['wrong_in_set']:,} had a wrong label. Given on {facts['given']} by audit "
        f"{facts['audit']}.{before}",
        f"{facts['says_not']} {facts['would_break']}",
    ]
