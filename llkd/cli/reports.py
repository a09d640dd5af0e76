"""How each command's document is shown to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llkd.cli import import_report, teacher_reports
from llkd.cli.output import JOB_COLUMNS, print_job, print_table, shown

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
    "training_seconds": ("seconds", ""),
}


def _projects(found: Document) -> None:
    if "deleted" in found:
        print(f"Deleted {found['deleted']!r}.")
        return
    if not found["projects"]:
        print("No projects yet. Start with: llkd import FILE --project NAME, or: llkd demo")
        return
    rows = [{**row, "classes": ", ".join(row["classes"])} for row in found["projects"]]
    columns = ("name", "rows", "classes", "source")
    print_table(rows, {key: (key, "") for key in columns})


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
    """Arm minus rival in points, with 95 % intervals."""
    rows = [
        {
            **entry,
            **{
                metric: "{value:+.1f} ({low:+.1f} to {high:+.1f})".format(
                    **{part: 100 * value for part, value in entry[metric].items()}
                )
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


def _evaluate(found: Document) -> None:
    teacher = {"strategy": "(teacher)", **found["teacher"]}
    print_table([teacher, *found["runs"]], RUN_COLUMNS)
    if found["teacher"]["accuracy"] is None:
        print("This project has no gold labels, so accuracy is not known.")


def _predict(found: Document) -> None:
    print(found["label"])
    rows = [{"class": name, "p": p} for name, p in found["probabilities"].items()]
    print_table(rows, {"class": ("class", ""), "p": ("probability", "%")})


def _runs(found: Document) -> None:
    if not found["runs"]:
        print("No runs yet. Start one with: llkd train PROJECT")
        return
    print_table(found["runs"], RUN_COLUMNS)


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
    "label": teacher_reports.label,
    "bake-off": teacher_reports.bake_off,
    "cache": teacher_reports.cache,
    "probe": _probe,
    "train": _train,
    "compare": _compare,
    "demo": _compare,
    "select": _select,
    "export": _export,
    "evaluate": _evaluate,
    "predict": _predict,
    "runs": _runs,
    "jobs": _jobs,
    "cancel": print_job,
    "resume": print_job,
}
