"""How each command's document is shown to a person."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import Any

from llkd import fairness
from llkd.cli import import_report, teacher_reports, upkeep_reports
from llkd.cli.output import JOB_COLUMNS, print_job, print_table, printable, shown
from llkd.evaluation import Difference

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


def _projects(found: Document) -> None:
    if "deleted" in found:
        print(f"Deleted {found['deleted']!r}.")
        return
    for sentence in found["damaged"]:
        print(f"llkd: {printable(sentence)}", file=sys.stderr)
    if not found["projects"] and not found["damaged"]:
        print("No projects yet. Start with: llkd import FILE --project NAME, or: llkd demo")
        return
    rows = [{**row, "classes": ", ".join(row["classes"])} for row in found["projects"]]
    columns = ("name", "rows", "classes", "source")
    print_table(rows, {key: (key, "") for key in columns})


def _classes(found: Document) -> None:
    for old, new in found["renamed"]:
        print(printable(f"{old!r} is called {new!r} now; all that is of it follows."))
    for what in ("added", "removed"):
        for name in found[what]:
            print(printable(f"{what.capitalize()} {name!r}."))
    if found["asked_as_before"]:
        print(
            printable(
                f"A teacher goes on being asked about {', '.join(found['asked_as_before'])} in the "
                "words of before (verbaliser), so that no text is asked about twice."
            )
        )
    rows = [{**row, "verbaliser": row["verbaliser"] or row["name"]} for row in found["classes"]]
    columns = {"name": "class", "labels": "labels", "gold": "gold", "verbaliser": "asked as"}
    print_table(rows, {key: (title, "") for key, title in columns.items()})
    for key, counts in found["without_class"].items():
        print(
            printable(
                f"{counts['labels']:,} labels and {counts['gold']:,} gold labels are of {key!r}, "
                f"which is no class (any more). Use them with: --use-labels {key!r} CLASS"
            )
        )


def _train(found: Document) -> None:
    if "strategy" not in found:
        print_job(found)
        return
    print_table([found], RUN_COLUMNS)


def _compare(found: Document) -> None:
    if "arms" not in found:
        print_job(found)
        return
    teacher = {"strategy": "(teacher)", **found["teacher"]}
    columns = {key: value for key, value in RUN_COLUMNS.items() if key not in {"run", "state"}}
    columns.pop("seed")
    if any(row["budget"] == "samples" for row in found["arms"]):
        columns = {"strategy": columns.pop("strategy"), "budget": ("at equal", ""), **columns}
    print_table([teacher, *found["arms"]], columns)
    _differences(found.get("differences", []))
    print(found["conclusion"])
    if "export" in found:
        print(f"{found['export']['rows']:,} texts exported to {found['export']['folder']}")


def _differences(found: list[dict[str, Any]]) -> None:
    """Arm minus rival in points, with intervals that hold together at 95 %."""
    rows = [
        {
            **entry,
            **{
                metric: fairness.points(Difference(**entry[metric]))
                for metric in ("accuracy", "macro_f1")
            },
        }
        for entry in found
    ]
    if rows:
        names = {"arm": "arm", "budget": "at equal", "rival": "against", "seeds": "seeds"}
        columns = {key: (words, "") for key, words in names.items()}
        print()
        print_table(rows, {**columns, "accuracy": ("accuracy", ""), "macro_f1": ("macro-F1", "")})


def _select(found: Document) -> None:
    print(f"{found['kept']:,} of {found['rows']:,} texts kept ({shown(found['share'], '%')}).")
    print_table(
        [{"class": name, "texts": count} for name, count in found["per_class"].items()],
        {"class": ("class", ""), "texts": ("texts", "")},
    )
    if found["accuracy"] is not None:
        print(f"{shown(found['accuracy'], '%')} of {found['checked']:,} with gold are right.")


def _export(found: Document) -> None:
    print(f"{found['rows']:,} texts written:")
    for file in found["files"]:
        print(f"  {file}")
    if "validation" in found["splits"]:
        parts = {name: sum(counts.values()) for name, counts in found["splits"].items()}
        print(f"{parts.get('train', 0):,} to train on, {parts['validation']:,} for validation.")
    print(f"The same rows again: llkd rebuild {shlex.quote(found['manifest'])}")
    if "student" in found:
        _forms(found["student"])


def _forms(found: Document) -> None:
    """What was measured of the student as torch, as ONNX and as 8-bit ONNX."""
    columns = {
        "form": ("student", ""),
        "accuracy": ("accuracy", "%"),
        "agreement": ("same label", "%"),
        "ms_per_text": ("ms a text", ""),
        "texts_per_second": ("texts/s", ""),
    }
    rows = [{"form": entry["file"], **entry} for entry in found["variants"].values()]
    print_table(rows, columns)
    if found["note"]:
        print(f"Note: {found['note']}")


def _rebuild(found: Document) -> None:
    print(f"The same {found['rows']:,} rows as then (SHA-256 {found['rows_sha256']}).")
    for name, same in found["files"].items():
        print(f"  {'same' if same else 'other bytes'}  {printable(name)}")
    for note in found["notes"]:
        print(f"Note: {printable(note)}")
    if found["folder"] is not None:
        print(f"Written to {found['folder']}.")


def _evaluate(found: Document) -> None:
    teacher = {"strategy": "(teacher)", **found["teacher"]}
    print_table([teacher, *found["runs"]], RUN_COLUMNS)
    _judged(found["runs"])
    if found["teacher"]["accuracy"] is None:
        print("No text here has a known class, so accuracy is not known.")


def _judged(runs: list[Document]) -> None:
    """Who judged these runs, where it was not held-out gold."""
    people: dict[int, list[str]] = {}
    for run in runs:
        if run["judged_by"] == "people":
            people.setdefault(run["judges"], []).append(str(run["run"]))
        elif run["agreement"] is not None:
            texts, same = run["agreement"]["texts"], shown(run["agreement"]["share"], "%")
            print(
                f"Run {run['run']} is judged by nobody: on {texts:,} texts that did not train it "
                f"agrees with the teacher on {same}, which is not accuracy."
            )
    for texts, numbers in people.items():
        print(
            f"Judged by {texts:,} labels that people gave, which did not train: run "
            f"{', '.join(numbers)}."
        )


def _predict(found: Document) -> None:
    if "out" in found:
        _classified(found)
        return
    if "label" not in found:
        print_job(found)
        return
    print(found["label"])
    rows = [{"class": name, "p": p} for name, p in found["probabilities"].items()]
    print_table(rows, {"class": ("class", ""), "p": ("probability", "%")})


def _classified(found: Document) -> None:
    of = found["classified"]
    rows = [
        {"class": name, "texts": count, "share": count / of}
        for name, count in found["per_class"].items()
    ]
    print_table(rows, {"class": ("class", ""), "texts": ("texts", ""), "share": ("share", "%")})
    if found["blank"]:
        print(f"{found['blank']:,} of {found['rows']:,} rows hold no text and have no label.")
    for warning in found["warnings"]:
        print(f"Note: {printable(warning)}")
    print(f"{found['rows']:,} rows written to {printable(found['out'])}")


def _runs(found: Document) -> None:
    if "deleted" in found:
        print(f"Deleted run {found['deleted']}. What was exported stays.")
        left = ", ".join(str(number) for number in found["no_longer_controls"])
        if left:
            print(f"No longer controls of any run, as they copied its counts: run {left}.")
        spoken = ", ".join(str(number) for number in found["reports"])
        if spoken:
            print(f"Reports of comparisons that speak of it stay as they were: job {spoken}.")
        return
    if not found["runs"]:
        print("No runs yet. Start one with: llkd train PROJECT")
        return
    rows = [
        {**row, "name": (row["name"] or "") + (" (pinned)" if row["pinned"] else "")}
        for row in found["runs"]
    ]
    named = {"name": ("name", "")} if any(row["name"] for row in rows) else {}
    print_table(rows, {"run": RUN_COLUMNS["run"], **named, **RUN_COLUMNS})
    for row in rows:
        if row["note"]:
            print(f"Note on run {row['run']}: {printable(' '.join(row['note'].split()))}")


def _jobs(found: Document) -> None:
    if not found["jobs"]:
        print("No jobs yet.")
        return
    print_table(found["jobs"], JOB_COLUMNS)


def _probe(found: Document) -> None:
    if "dimensions" not in found:
        print_job(found)
        return
    print(f"Information need of {found['rows']:,} texts estimated in {found['seconds']:,.0f} s.")


REPORTS: dict[str, Callable[[Document], None]] = {
    "import": import_report.show,
    "projects": _projects,
    "classes": _classes,
    "label": teacher_reports.label,
    "bake-off": teacher_reports.bake_off,
    "cache": teacher_reports.cache,
    "probe": _probe,
    "train": _train,
    "compare": _compare,
    "demo": _compare,
    "select": _select,
    "export": _export,
    "rebuild": _rebuild,
    "evaluate": _evaluate,
    "predict": _predict,
    "runs": _runs,
    "jobs": _jobs,
    "cancel": print_job,
    "resume": print_job,
    "doctor": upkeep_reports.doctor,
    "backup": upkeep_reports.backup,
}
