"""How each command's document is shown to a person."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import Any

from llkd.cli import (
    addition_report,
    audit_reports,
    class_reports,
    import_report,
    inbox_report,
    maintenance_reports,
    map_reports,
    people_report,
    project_reports,
    publishing_reports,
    teacher_reports,
    text_reports,
)
from llkd.cli.output import JOB_COLUMNS, print_job, print_table, printable, shown
from llkd.evaluation import wording
from llkd.evaluation.intervals import Difference
from llkd.selection.registry import label_of

Document = dict[str, Any]

RUN_COLUMNS = {
    "run": ("run", ""),
    "strategy": ("strategy", ""),
    "seed": ("seed", ""),
    "state": ("state", ""),
    "accuracy": ("accuracy", "%"),
    "macro_f1": ("macro-F1", "%"),
    "backpropagated": ("samples", ""),
    "selected_share": ("share", "%"),
    "selected_accuracy": ("labels right", "%"),
    "seconds": ("seconds", ""),
}


def _projects(document: Document) -> None:
    if "deleted" in document:
        print(f"Deleted {document['deleted']!r}.")
        return
    for sentence in document["damaged"]:
        print(f"llkd: {printable(sentence)}", file=sys.stderr)
    away = document["archived"]
    if away is None and not document["projects"]:
        print("No project is archived.")
        return
    if not document["projects"] and away:
        print(f"No projects in use; {away:,} archived. List them with: llkd projects --archived")
        return
    if not document["projects"] and not document["damaged"]:
        print("No projects yet. Start with: llkd import FILE --project NAME, or: llkd demo")
        return
    rows = [{**row, "classes": ", ".join(row["classes"])} for row in document["projects"]]
    columns = ("name", "rows", "classes", "source")
    print_table(rows, {key: (key, "") for key in columns})
    if away:
        print(f"{away:,} archived: llkd projects --archived")


def _training_plan(document: Document) -> None:
    """What ``llkd train --dry-run`` says."""
    selection, advice = document["training"]["selection"], document["advice"]
    strategy, project = selection["strategy"], document["project"]
    values = {**document["training"], **selection}
    settings = [*advice["selection"], *advice["training"]] if document["by_advice"] else []
    beside = "".join(f", {name} {values[name]}" for name in settings)
    print(f"Would train: {label_of(strategy)} (--strategy {strategy}){beside}.")
    print(advice["sentence"])
    if not document["by_advice"] and strategy != advice["strategy"]:
        print(f"By that, {label_of(advice['strategy'])} would train: --strategy auto.")
    if advice["may_change"]:
        print("More checked texts could change that: label 30 texts at random, or llkd audit.")
    print(advice["compare_sentence"])
    print(f"  llkd compare {printable(project)} --arms {','.join(advice['arms'])}")


def _train(document: Document) -> None:
    if document.get("dry_run"):
        _training_plan(document)
        return
    if "strategy" not in document:
        print_job(document)
        return
    if document.get("beside_teacher"):
        print(printable(document["beside_teacher"]))
    print_table([document], RUN_COLUMNS)
    publishing_reports.tracking(document)


def _compare(document: Document) -> None:
    if "arms" not in document:
        print_job(document)
        return
    teacher = {"strategy": "(teacher)", **document["teacher"]}
    columns = {key: value for key, value in RUN_COLUMNS.items() if key not in {"run", "state"}}
    columns.pop("seed")
    if any(row["budget"] == "samples" for row in document["arms"]):
        columns = {"strategy": columns.pop("strategy"), "budget": ("at equal", ""), **columns}
    print_table([teacher, *document["arms"]], columns)
    publishing_reports.tracking(document)
    _differences(document.get("differences", []))
    print(document["conclusion"])
    if "export" in document:
        print(f"{document['export']['rows']:,} texts exported to {document['export']['folder']}")


def _differences(document: list[dict[str, Any]]) -> None:
    """Arm minus rival in points, with intervals that hold together at 95 %."""
    rows = [
        {
            **entry,
            **{
                metric: wording.points(Difference(**entry[metric]))
                for metric in ("accuracy", "macro_f1")
            },
        }
        for entry in document
    ]
    if rows:
        names = {"arm": "arm", "budget": "at equal", "rival": "against", "seeds": "seeds"}
        columns = {key: (words, "") for key, words in names.items()}
        print()
        print_table(rows, {**columns, "accuracy": ("accuracy", ""), "macro_f1": ("macro-F1", "")})


def _select(document: Document) -> None:
    share = shown(document["share"], "%")
    print(f"{document['kept']:,} of {document['rows']:,} texts kept ({share}).")
    print_table(
        [{"class": name, "texts": count} for name, count in document["per_class"].items()],
        {"class": ("class", ""), "texts": ("texts", "")},
    )
    if document["accuracy"] is not None:
        print(f"{shown(document['accuracy'], '%')} of {document['checked']:,} with gold are right.")


def _export(document: Document) -> None:
    print(f"{document['rows']:,} texts written:")
    for file in document["files"]:
        print(f"  {file}")
    if "validation" in document["splits"]:
        parts = {name: sum(counts.values()) for name, counts in document["splits"].items()}
        print(f"{parts.get('train', 0):,} to train on, {parts['validation']:,} for validation.")
    print(f"The same rows again: llkd rebuild {shlex.quote(document['manifest'])}")
    if "student" in document:
        _forms(document["student"])


def _forms(document: Document) -> None:
    """What was measured of the student as torch, as ONNX and as 8-bit ONNX."""
    columns = {
        "form": ("student", ""),
        "accuracy": ("accuracy", "%"),
        "agreement": ("same label", "%"),
        "ms_per_text": ("ms a text", ""),
        "texts_per_second": ("texts/s", ""),
    }
    rows = [{"form": entry["file"], **entry} for entry in document["variants"].values()]
    print_table(rows, columns)
    if document["note"]:
        print(f"Note: {document['note']}")


def _rebuild(document: Document) -> None:
    print(f"The same {document['rows']:,} rows as then (SHA-256 {document['rows_sha256']}).")
    for name, same in document["files"].items():
        print(f"  {'same' if same else 'other bytes'}  {printable(name)}")
    for note in document["notes"]:
        print(f"Note: {printable(note)}")
    if document["folder"] is not None:
        print(f"Written to {document['folder']}.")


def _evaluate(document: Document) -> None:
    teacher = {"strategy": "(teacher)", **document["teacher"]}
    print_table([teacher, *document["runs"]], RUN_COLUMNS)
    _evaluated_on(document["runs"])
    if document["teacher"]["accuracy"] is None:
        print("No text here has a known class, so accuracy is not known.")


def _evaluated_on(runs: list[Document]) -> None:
    """What evaluated these runs, where it was not held-out gold."""
    people: dict[int, list[str]] = {}
    for run in runs:
        if run["judged_by"] == "people":
            people.setdefault(run["judges"], []).append(str(run["run"]))
        elif run["agreement"] is not None:
            texts, same = run["agreement"]["texts"], shown(run["agreement"]["share"], "%")
            print(
                f"Run {run['run']} has no known classes to evaluate on: of {texts:,} texts that "
                f"did not train it agrees with the teacher on {same}, which is not accuracy."
            )
    for texts, numbers in people.items():
        print(
            f"Evaluated on {texts:,} labels that people gave, which did not train: run "
            f"{', '.join(numbers)}."
        )


def _predict(document: Document) -> None:
    if "out" in document:
        _classified(document)
        return
    if "label" not in document:
        print_job(document)
        return
    print(document["label"])
    rows = [{"class": name, "p": p} for name, p in document["probabilities"].items()]
    print_table(rows, {"class": ("class", ""), "p": ("probability", "%")})


def _classified(document: Document) -> None:
    of = document["classified"]
    rows = [
        {"class": name, "texts": count, "share": count / of}
        for name, count in document["per_class"].items()
    ]
    print_table(rows, {"class": ("class", ""), "texts": ("texts", ""), "share": ("share", "%")})
    if document["blank"]:
        print(f"{document['blank']:,} of {document['rows']:,} rows hold no text and have no label.")
    for warning in document["warnings"]:
        print(f"Note: {printable(warning)}")
    print(f"{document['rows']:,} rows written to {printable(document['out'])}")


def _runs(document: Document) -> None:
    if "deleted" in document:
        print(f"Deleted run {document['deleted']}. What was exported stays.")
        followers = ", ".join(str(number) for number in document["no_longer_controls"])
        if followers:
            print(f"No longer controls of any run, as they copied its counts: run {followers}.")
        spoken = ", ".join(str(number) for number in document["reports"])
        if spoken:
            print(f"Reports of comparisons that speak of it stay as they were: job {spoken}.")
        return
    if not document["runs"]:
        print("No runs yet. Start one with: llkd train PROJECT")
        return
    rows = [
        {**row, "name": (row["name"] or "") + (" (pinned)" if row["pinned"] else "")}
        for row in document["runs"]
    ]
    named = {"name": ("name", "")} if any(row["name"] for row in rows) else {}
    print_table(rows, {"run": RUN_COLUMNS["run"], **named, **RUN_COLUMNS})
    for row in rows:
        if row["texts"] < document["texts"]:
            print(f"Run {row['run']} knows {row['texts']:,} of {document['texts']:,} texts.")
    for row in rows:
        if row["note"]:
            print(f"Note on run {row['run']}: {printable(' '.join(row['note'].split()))}")


def _jobs(document: Document) -> None:
    if not document["jobs"]:
        print("No jobs yet.")
        return
    print_table(document["jobs"], JOB_COLUMNS)


def _probe(document: Document) -> None:
    if "dimensions" not in document:
        print_job(document)
        return
    print(
        f"Information need of {document['rows']:,} texts estimated in {document['seconds']:,.0f} s."
    )


def _nothing(document: Document) -> None:
    del document


REPORTS: dict[str, Callable[[Document], None]] = {
    "import": import_report.show,
    "annotations": import_report.annotated,
    "add": addition_report.show,
    "projects": _projects,
    "classes": class_reports.classes,
    "inbox": inbox_report.show,
    "texts": text_reports.show_texts,
    "views": text_reports.show_views,
    "note": text_reports.show_notes,
    "history": text_reports.show_history,
    "rename": project_reports.rename,
    "archive": project_reports.archive,
    "duplicate": project_reports.duplicate,
    "pack": project_reports.pack,
    "unpack": project_reports.unpack,
    "label": teacher_reports.label,
    "bake-off": teacher_reports.bake_off,
    "refine": teacher_reports.refine,
    "cache": teacher_reports.cache,
    "key": teacher_reports.key,
    "audit": audit_reports.audit,
    "certify": audit_reports.certify,
    "people": people_report.people,
    "probe": _probe,
    "near-duplicates": import_report.near_duplicates,
    "map": map_reports.map_texts,
    "suggest": map_reports.suggest,
    "train": _train,
    "compare": _compare,
    "demo": _compare,
    "select": _select,
    "export": _export,
    "push": publishing_reports.push,
    "track": publishing_reports.track,
    "rebuild": _rebuild,
    "evaluate": _evaluate,
    "predict": _predict,
    "runs": _runs,
    "jobs": _jobs,
    "cancel": print_job,
    "resume": print_job,
    "serve": _nothing,  # it has said all while it ran
    "doctor": maintenance_reports.doctor,
    "backup": maintenance_reports.backup,
    "restore": maintenance_reports.restore,
}
