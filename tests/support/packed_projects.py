"""A project with something of everything, what a person sees of it, and the file it is packed to."""

import json

import numpy as np
import pandas as pd

from llkd import curation, packing, workflows
from llkd.config.selection_rule import CertifiedRule, ThresholdRule, TrainedOnRule
from llkd.evaluation import audits
from llkd.evaluation.comparison.report import ComparisonReport
from llkd.evaluation.run_result import run_result
from llkd.jobs.progress import SilentProgress
from llkd.store.cost_ledger import Ledger
from llkd.store.files.call_usage import read_usage
from llkd.store.inbox import InboxEntry, inbox_of
from llkd.students.saving import ABOUT, AUTO_MAP
from tests.support.audited_projects import a_certificate, audit_rows
from tests.support.exported_projects import exported
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run

_NUMBERS = ("audit", "rule", "labeling_run", "number")
EVERYTHING = ("run", "thresholds", "certified")


def a_student(folder, place="/home/ann/encoder"):
    """A student's folder as far as the store, the doctor and packing look at it."""
    from safetensors.numpy import save_file

    folder.mkdir(exist_ok=True)
    save_file({"w": np.ones(3, np.float32)}, folder / "model.safetensors")
    about = {"format": 2, "class_names": ["a", "b"], "pooling": "mean", "max_tokens": 8}
    (folder / ABOUT).write_text(json.dumps(about))
    settings = {"model_type": "bert", "auto_map": AUTO_MAP, "_name_or_path": place}
    (folder / "config.json").write_text(json.dumps(settings))


def others_before(home, count=2):
    """A home in which numbers are given already, so that a project that comes gets others."""
    for number in range(count):
        store, project = seeded_project(home, n=24, name=f"before {number}")
        a_student(add_run(store, project, epochs=1).student_folder)
        audits.start_audit(store, project, rule=ThresholdRule(), seed=number)
    return store


def full_project(store_or_home, out=None, name="city"):
    """A project with passes, decisions, runs, a comparison, an audit, a certificate, an inbox.

    With ``out`` it is exported three ways there: by a run, by thresholds, by a certificate.
    """
    store, project = seeded_project(store_or_home, n=60, name=name)
    texts = store.projects.texts(project.id, ["gold"])["gold"]
    keys = project.label_set.keys
    for row in range(20, 26):
        store.decisions.decide(project.id, [row], "label", who="Ada", key=keys[row % 3])
    store.decisions.decide(project.id, [30, 31], "exclude", who="Ben")
    store.decisions.undo(project.id, store.decisions.decide(project.id, [32], "exclude"))
    labeling_run = store.labeling_runs.all(project.id)[0]
    ledger = Ledger(store.labeling_runs.account(labeling_run))
    ledger.settle(ledger.reserve(10, 5), 8, 3)
    ledger.close()
    job = store.jobs.create("compare", f"Compare {name}", None, project.id)
    store.jobs.remember(job.id, cwd="/home/ann", typed=["api.example.com:443"])
    runs = [add_run(store, project, "llkd", job_id=job.id)]
    runs.append(add_run(store, project, "random", reference=runs[0], job_id=job.id))
    runs.append(add_run(store, project, "llkd", seed=1, finished=False))
    for run in runs[:2]:
        a_student(run.student_folder)
    report = {
        "project": name,
        "arms": [{"arm": "llkd", "budget": "epochs"}],
        "runs": [
            {**run_result(run).document(), "arm": arm, "budget": "epochs"}
            for run, arm in zip(runs[:2], ("llkd", "random"), strict=True)
        ],
    }
    store.jobs.update(job.id, state="finished", result=report, finished=1.5, pid=77,
                      message="read /home/ann/x/y.csv")  # fmt: skip
    store.selections.save(
        project.id, "cut", ThresholdRule(run=runs[0].id, teacher_threshold=0.5), {}
    )
    store.selections.save(project.id, "trained", TrainedOnRule(run=runs[1].id), {})
    store.runs.describe(runs[0].id, title="first", note="as it was", pinned=True)
    audit = audits.start_audit(store, project, rule=ThresholdRule(teacher_threshold=0.4), seed=3)
    truth = np.array([project.label_set.names.index(gold) for gold in texts])
    audit_rows(store, audit, truth, 12)
    store.audits.certify(audit, a_certificate(store, audit))
    inbox_of(store.home, project.id).record(
        InboxEntry("a text sent on", "sample", runs[1].id, keys[0], 0.5)
    )
    if out is not None:
        exported(store, project, out / "run", run=runs[1].id)
        exported(store, project, out / "thresholds", teacher_threshold=0.5, run=runs[0].id,
                 student_threshold=0.1)  # fmt: skip
        certified(store, project, out / "certified", audit)
    return store, store.projects.get(name)


def certified(store, project, folder, audit):
    rule = CertifiedRule(audit=audit.id, set=len(audit.chain) - 1)
    workflows.export(store, project, folder, rule, formats=["csv"])


def packed(store, project, file, **options):
    return packing.pack(store, project, file, SilentProgress(), **options)


def unpacked(store, file, name=None):
    packing.unpack(store, file, SilentProgress(), name=name)
    return store.projects.get(name or "city")


def look(store, project):
    """What a person sees of a project, without the numbers of its records."""
    plane = curation.load_plane(store, project)
    runs = store.runs.all(project.id)
    order = {run.id: place for place, run in enumerate(runs)}
    certificates = [
        record.document.promise
        for audit in store.audits.all(project.id)
        for record in store.audits.certificates(audit)
    ]
    jobs = store.jobs.all(project.id)
    reports = [ComparisonReport.read(job.result) for job in jobs if job.kind == "compare"]
    labeling_runs = store.labeling_runs.all(project.id)
    return {
        "project": (project.rows, project.digest, project.created, project.label_set),
        "plane": plane.frame,
        "probabilities": plane.probabilities,
        "selections": {
            saved.name: workflows.select(store, project, rule=saved.rule)["kept"]
            for saved in store.selections.all(project.id)
        },
        "references": [order.get(run.config.reference_run) for run in runs],
        "runs": [run_result(run).model_copy(update={"run": order[run.id]}) for run in runs],
        "words": [(run.title, run.note, run.pinned, run.state) for run in runs],
        "of_job": [run.job_id is not None and run.job_id == jobs[0].id for run in runs],
        "reports": [[order[entry.run] for entry in report.runs] for report in reports],
        "certificates": certificates,
        "kept": certificate_facts_of(store, project),
        "answers": [
            [(a.place, a.row, a.key, a.who, a.created, a.batch) for a in store.audits.answers(each)]
            for each in store.audits.all(project.id)
        ],
        "audited": [order.get(audit.rule.run) for audit in store.audits.all(project.id)],
        "edits": store.decisions.edits(project.id),
        "usage": [read_usage(store.labeling_runs.account(each)) for each in labeling_runs],
        "scores": [store.labeling_runs.scores(each).scores for each in labeling_runs],
        "inbox": [
            (entry.text, order[entry.run]) for entry in inbox_of(store.home, project.id).entries()
        ],
    }


def certificate_facts_of(store, project):
    """What a card says of each audit's widest set, without the number of the audit."""
    sentences = []
    for audit in store.audits.all(project.id):
        rule = CertifiedRule(audit=audit.id, set=len(audit.chain) - 1)
        facts = audits.certificate_facts(store, project, rule)
        sentences.append({k: v for k, v in (facts or {}).items() if k not in _NUMBERS})
    return sentences


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        other = second[name]
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, other)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, other)
        elif name == "scores":
            assert all(np.array_equal(a, b) for a, b in zip(value, other, strict=True))
        else:
            assert value == other, name


def assert_rebuilt(store, project, out, exports=EVERYTHING):
    """Every manifest of before makes the same rows, hash for hash."""
    for name in exports:
        result = workflows.rebuild(store, out / name)
        assert result["project"] == project.name and all(result["files"].values()), name
