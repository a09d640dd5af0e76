"""Commands of blind audits and their certificates."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

from llkd.cli.actions.jobs import Document
from llkd.cli.arguments import selection
from llkd.cli.labeling_terminal import answer_audit
from llkd.config import LabelSet
from llkd.errors import NotFound, UserError
from llkd.store import Audit, Project, Store

OF_START = ("target", "level", "people", "seed", "run", "teacher_threshold", "student_threshold",
            "selection", "calibration")  # fmt: skip


def audit(store: Store, arguments: Namespace) -> Document:
    """``llkd audit``."""
    from llkd.evaluation import audits

    project = store.projects.get(arguments.project)
    if arguments.start:
        return _status(store, project, _started(store, project, arguments))
    _refuse_start_flags(arguments)
    if (arguments.draw is None) != (arguments.out is None):
        raise UserError("--draw N and --out FILE go together.")
    current = audit_of(store, project, arguments.audit)
    done: dict[str, Any] = {}
    if arguments.label:
        done["labelled_here"] = answer_audit(store, project, current, arguments.who)
    elif arguments.draw is not None:
        from llkd.workflows.audit_files import write_drawn

        texts = write_drawn(store, project, current, arguments.draw, arguments.out, arguments.who)
        done["drawn"] = {"texts": texts, "out": arguments.out}
    elif arguments.answers is not None:
        from llkd.workflows.audit_files import import_answers

        done["imported"] = vars(
            import_answers(store, project, current, arguments.answers, arguments.who)
        )
    elif arguments.undo:
        answer = audits.undo_answer(store, current, arguments.who)
        done["undone"] = None if answer is None else _answer(store, project, answer.row, answer)
    elif arguments.adjudicate:
        done["settled"] = [
            _settle(store, project, current, part, arguments.who) for part in arguments.adjudicate
        ]
    elif arguments.close or arguments.reopen:
        current = store.audits.set_open(current, arguments.reopen)
    return {**_status(store, project, current), **done}


def certify(store: Store, arguments: Namespace) -> Document:
    """``llkd certify``: stores what is promised; where nothing is, it says why."""
    from llkd.evaluation import audits

    project = store.projects.get(arguments.project)
    current = audit_of(store, project, arguments.audit)
    document = _status(store, project, current)
    try:
        record = audits.certify_audit(
            store, current, target=arguments.target, confidence_level=arguments.level
        )
    except audits.NotCertified as reason:
        return {**document, "certified": None, "outcome": str(reason)}
    return {
        **_status(store, project, current),
        "outcome": record.document.promise,
        "certified": {
            "number": record.id,
            "selection": audits.saved_selection(store, project, record),
            **record.document.model_dump(mode="json"),
        },
    }


def audit_of(store: Store, project: Project, number: int | None) -> Audit:
    """The audit that is named, else the newest open one. Raises NotFound."""
    if number is not None:
        return store.audits.get(project.id, number)
    newest = store.audits.latest(project.id)
    if newest is None:
        raise NotFound(
            f"There is no audit of {project.name!r} yet. Begin one with: llkd audit "
            f"{_quoted(project)} --start"
        )
    return newest


def _started(store: Store, project: Project, arguments: Namespace) -> Audit:
    from llkd.evaluation import audits

    if arguments.audit is not None or arguments.out is not None:
        raise UserError("--start begins an audit of its own: leave --audit and --out out.")
    settings = {
        "target": arguments.target,
        "confidence_level": arguments.level,
        "people": arguments.people,
        "seed": arguments.seed,
    }
    return audits.start_audit(
        store,
        project,
        selection(store, project, arguments),
        who=arguments.who,
        **{name: value for name, value in settings.items() if value is not None},
    )


def _refuse_start_flags(arguments: Namespace) -> None:
    for name in OF_START:
        if getattr(arguments, name) is not None:
            raise UserError(
                f"--{name.replace('_', '-')} is fixed when an audit begins: it goes with --start."
            )


def _settle(store: Store, project: Project, current: Audit, part: str, who: str) -> Document:
    from llkd.evaluation import audits
    from llkd.workflows.audit_files import CANNOT_TELL

    ident, equals, name = part.rpartition("=")
    classes = _classes(store, project)
    label = classes.find(name)
    if not equals or (label is None and name != CANNOT_TELL):
        raise UserError(
            f"--adjudicate is ID=CLASS with one of {', '.join(classes.names)}, or {CANNOT_TELL}; "
            f"it was {part[:60]!r}."
        )
    ids = store.projects.texts(project, ["id"])["id"]
    rows = ids.index[ids == ident]
    if not len(rows):
        raise NotFound(f"There is no text {ident[:60]!r} in this project.")
    key = None if label is None else label.identity
    answer = audits.adjudicate(store, current, int(rows[0]), key, who)
    return _answer(store, project, answer.row, answer)


def _classes(store: Store, project: Project) -> LabelSet:
    from llkd import curation

    return curation.label_set_of(store.projects.by_id(project.id))


def _answer(store: Store, project: Project, row: int, answer: Any) -> Document:
    ids = store.projects.texts(project, ["id"])["id"]
    name = _name(_classes(store, project), answer.key)
    return {"id": str(ids.iloc[row]), "label": name, "who": answer.who}


def _name(classes: LabelSet, key: Any) -> str | None:
    if key is None:
        return None
    place = classes.places.get(key)
    return str(key) if place is None else classes.names[place]


def _status(store: Store, project: Project, current: Audit) -> Document:
    """Where an audit stands, as JSON values; classes by their names."""
    from llkd.evaluation import audits

    status = audits.audit_status(store, current)
    classes = _classes(store, project)
    ids = store.projects.texts(project, ["id"])["id"]
    return {
        "project": project.name,
        "audit": current.id,
        "audits": len(store.audits.all(project.id)),
        "open": current.open,
        "begun": time.strftime("%Y-%m-%d", time.gmtime(current.created)),
        "texts": current.size,
        "seed": current.seed,
        "rule": current.settings.rule,
        "calibration": current.calibration,
        "labeling_run": current.labeling_run,
        "people": current.people,
        "sentence": status.sentence,
        "next_step": status.next_step,
        "worth": status.worth,
        "broken": list(status.broken),
        "answered": status.answered,
        "waiting": status.waiting,
        "answered_by": status.answered_by,
        "wrong": status.wrong,
        "cannot_tell": status.cannot_tell,
        "taken_back": status.taken_back,
        "per_class": {
            _name(classes, key): vars(counts) for key, counts in status.per_class.items()
        },
        "precision": None if status.precision is None else status.precision.model_dump(mode="json"),
        "kappa": None if status.kappa is None else status.kappa.model_dump(mode="json"),
        "disagreements": [
            {
                "id": str(ids.iloc[entry.row]),
                "answers": {a.who: _name(classes, a.key) for a in entry.answers},
            }
            for entry in (audits.disagreements(store, current) if current.people > 1 else ())
        ],
        "certificate": status.certificate.model_dump(mode="json"),
        "chain": [entry.model_dump(mode="json") for entry in current.chain],
        "certificates": [
            {
                "number": entry.record.id,
                "promise": entry.record.document.promise if entry.broken is None else None,
                "broken": entry.broken,
            }
            for entry in status.certificates
        ],
    }


def _quoted(project: Project) -> str:
    from llkd import curation

    return curation.quoted(project.name)
