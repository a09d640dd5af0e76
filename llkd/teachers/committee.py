"""A committee: several teachers' calibrated probabilities, pooled into one.

Its labels are made of its members' passes, which ``workflows.committee`` runs and pools. What is
here asks the members about a few texts, to try it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import UserError
from llkd.selection import pooling, signals
from llkd.teachers.base import FewShot, Floats, Meter, ScoredBatch, Teacher
from llkd.teachers.kind import TeacherKind
from llkd.teachers.local.kinds import SETTINGS

SOURCE = "pooled"


class CommitteeTeacher:
    """Asks every member and pools what they say, uncalibrated: calibration needs the whole pool."""

    def __init__(self, members: Sequence[Teacher]) -> None:
        """At least one member."""
        self._members = list(members)

    @property
    def cut(self) -> int:
        """The most that any member has cut."""
        return max(member.cut for member in self._members)

    def describe(self) -> dict[str, Any]:
        """Its members as they describe themselves."""
        return {"kind": "committee", "members": [m.describe() for m in self._members]}

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield pooled log-probabilities of all texts at once."""
        logs = [self._logs(member, texts) for member in self._members]
        pooled = pooling.pool(logs, pooling.equal_weights(len(logs)))
        scores = pooled.log_probabilities.astype(np.float32)
        nothing = np.full(len(texts), -1, dtype=np.int64)
        yield ScoredBatch(np.arange(len(texts)), scores, nothing, SOURCE)

    def content_free(self) -> Floats | None:
        """None: members are calibrated, the pool is not."""
        return None

    def prompt(self, text: str) -> str:
        """What each member is shown."""
        return "\n\n".join(member.prompt(text) for member in self._members)

    def close(self) -> None:
        """Let go of the members."""
        for member in self._members:
            member.close()

    @staticmethod
    def _logs(member: Teacher, texts: Sequence[str]) -> signals.Floats:
        batches = list(member.score(texts))
        index = np.concatenate([batch.index for batch in batches])
        order = np.argsort(index)
        scores = np.concatenate([batch.scores for batch in batches])[order]
        answer = np.concatenate([batch.answer for batch in batches])[order]
        return pooling.member_logs(signals.softmax(scores), answer)


def _make(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    from llkd.teachers import registry

    members = registry.teachers_asked(config)
    paid = registry.priced(config)
    if paid is not None:
        raise UserError(
            f"A committee with a member that may cost money is not tried as a whole. Try "
            f"{paid.teacher!r} by itself."
        )
    if not members:
        raise UserError(
            "All members of this committee are labelling runs: there is nothing to try."
        )
    return CommitteeTeacher(
        [registry.make_teacher(member, labels, home, examples=examples) for member in members]
    )


COMMITTEE = TeacherKind(
    name="committee",
    make=_make,
    label="A committee",
    summary="Label similarity at once, then the embedded model, or any members you name: what they "
    "say is pooled, and where they disagree is shown. Each member's labels stay, too.",
    display="a committee",
    noun="committee",
    cached=False,
    pools=True,
    calibration="none",
    settings=SETTINGS,
    confidences=(SOURCE,),
    form="committee",
    described=lambda config: (
        f"Its members ({', '.join(config['members'])}) were asked apart; their calibrated "
        f"probabilities were pooled with {config['weights']} weights."
    ),
)
