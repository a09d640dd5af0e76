"""The command of several people: blind samples, agreement, disputes, labels by person."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from llkd.cli.actions.jobs import Document
from llkd.config import ClassKey, LabelSet
from llkd.errors import NotFound, UserError
from llkd.store import LabelSample, Project, Store


def people(store: Store, arguments: Namespace) -> Document:
    """``llkd people``."""
    from llkd.evaluation import people as several

    project = store.projects.get(arguments.project)
    _check(arguments)
    done: dict[str, Any] = {}
    if arguments.draw is not None:
        sample = several.draw_sample(
            store, project, arguments.draw, who=arguments.who, of=arguments.of, seed=arguments.seed
        )
        done["drawn"] = {"sample": sample.id, "texts": len(sample.rows), "seed": sample.seed}
    if arguments.labels_out is not None:
        from llkd.workflows.people_files import write_labels

        number = write_labels(store, project, arguments.labels_out)
        done["written"] = {"labels": number, "out": arguments.labels_out}
    elif arguments.blind_out is not None:
        from llkd.workflows.people_files import write_blind

        sample = several.latest_sample(store, project, arguments.sample)
        number = write_blind(store, project, sample, arguments.blind_out, arguments.who)
        done["blind"] = {"texts": number, "out": arguments.blind_out, "sample": sample.id}
    elif arguments.answers is not None:
        from llkd.workflows.people_files import import_blind

        sample = several.latest_sample(store, project, arguments.sample)
        done["imported"] = vars(
            import_blind(store, project, sample, arguments.answers, arguments.who)
        )
    elif arguments.label:
        from llkd.cli.labeling_terminal import label_sample

        sample = several.latest_sample(store, project, arguments.sample)
        done["labelled_here"] = label_sample(store, project, sample, arguments.who)
    elif arguments.undo:
        sample = several.latest_sample(store, project, arguments.sample)
        entry = several.undo_second(store, sample, arguments.who)
        done["undone"] = None if entry is None else _id(store, project, entry.row)
    elif arguments.adjudicate:
        done["settled"] = [
            _settle(store, project, part, arguments.who) for part in arguments.adjudicate
        ]
    return {**_status(store, project, arguments.sample), **done}


def _check(arguments: Namespace) -> None:
    for name in ("seed", "of"):
        if getattr(arguments, name) is not None and arguments.draw is None:
            raise UserError(f"--{name} belongs to --draw: a sample is drawn once.")


def _settle(store: Store, project: Project, part: str, who: str) -> Document:
    from llkd.evaluation import people as several

    ident, equals, name = part.rpartition("=")
    classes = _classes(store, project)
    label = classes.find(name)
    if not equals or (label is None and name != "?"):
        raise UserError(
            f"--adjudicate is ID=CLASS with one of {', '.join(classes.names)}, or ? to leave the "
            f"text out; it was {part[:60]!r}."
        )
    ids = store.projects.texts(project, ["id"])["id"]
    rows = ids.index[ids == ident]
    if not len(rows):
        raise NotFound(f"There is no text {ident[:60]!r} in this project.")
    key: ClassKey | None = None if label is None else label.identity
    several.adjudicate(store, project, int(rows[0]), key, who)
    return {"id": ident, "label": None if label is None else label.name, "who": who}


def _classes(store: Store, project: Project) -> LabelSet:
    from llkd import curation

    return curation.label_set_of(store.projects.by_id(project.id))


def _id(store: Store, project: Project, row: int) -> str:
    return str(store.projects.texts(project, ["id"])["id"].iloc[row])


def _status(store: Store, project: Project, number: int | None) -> Document:
    """Who labelled, how far they agree, and what is disputed, as JSON values."""
    from llkd.evaluation import people as several
    from llkd.evaluation.people.disputes import opinion_words

    ids = store.projects.texts(project, ["id"])["id"]
    frame = several.labels_by_person(store, project)
    samples = store.label_samples.all(project.id)
    sample: LabelSample | None = None
    if number is not None or samples:
        sample = several.latest_sample(store, project, number)
    agreement = None if sample is None else several.sample_agreement(store, project, sample)
    return {
        "project": project.name,
        "people": {str(who): int(n) for who, n in frame["person"].value_counts().items()},
        "samples": len(samples),
        "agreement": None if agreement is None else agreement.model_dump(mode="json"),
        "disputes": [
            {
                "id": str(ids.iloc[dispute.row]),
                "says": [
                    {"who": o.who, "says": opinion_words(o, name), "blind": o.blind}
                    for o, name in zip(dispute.opinions, dispute.names, strict=True)
                ],
            }
            for dispute in several.open_disputes(store, project)
        ],
    }
