"""The advice for a project: what its plane, its people and its audits say, put to the rule."""

from __future__ import annotations

from llkd.curation import Plane
from llkd.evaluation.advice.rule import PoolFacts, TrainingAdvice, training_advice
from llkd.evaluation.advice.teacher_accuracy import teacher_accuracy
from llkd.evaluation.audits.samples import most_answered_audit
from llkd.evaluation.evaluation_set import Kind
from llkd.store import Project, Store


def project_advice(store: Store, project: Project, plane: Plane, kind: Kind) -> TrainingAdvice:
    """How to train on the labels of ``plane`` a student that labels of this ``kind`` evaluate.

    Nothing that evaluates has a say: held-out gold never, people's labels and audits not where the
    kind is ``people``. (Then the plane must also be derived without them: ``training.targets``.)
    """
    return training_advice(pool_facts(store, project, plane, kind))


def pool_facts(store: Store, project: Project, plane: Plane, kind: Kind) -> PoolFacts:
    """What the rule looks at, of the texts that carry a label and are not excluded."""
    frame = plane.frame
    trains = (frame["label"].to_numpy() >= 0) & ~frame["excluded"].to_numpy()
    by_people = frame["human_label"].to_numpy() >= 0
    if kind == "people":
        trains &= ~by_people
    unsure = trains & ~by_people & frame["confidence"].isna().to_numpy()
    count = int(trains.sum())
    people = kind != "people"
    return PoolFacts(
        accuracy=teacher_accuracy(
            plane, people=people, audit=most_answered_audit(store, project) if people else None
        ),
        classes=len(plane.open_classes),
        texts=count,
        with_confidence=1.0 - int(unsure.sum()) / max(1, count),
        refined=plane.refinement is not None,
        people_evaluate=not people and bool(by_people.any()),
    )
