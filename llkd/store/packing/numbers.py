"""Numbers of a project's records: where records name others, and what they are called elsewhere.

Every home gives numbers of its own. A record names another in a foreign key or somewhere in a JSON
document; each such place is listed here, and nothing else is taken for a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from llkd.store import schema
from llkd.store.events import FORMER

Path = tuple[str, ...]
EACH = "*"
"""In a path: every entry of a list, or every value of a mapping."""
GONE = 0
"""Stands for a record that is not there any more: no record has this number."""
PASSES, RUNS, AUDITS = schema.labeling_runs.name, schema.runs.name, schema.audits.name
CERTIFICATES, JOBS = schema.certificates.name, schema.jobs.name
SAMPLES = schema.label_samples.name

_RULE: dict[Path, str] = {("run",): RUNS, ("audit",): AUDITS}


def _inside(key: str, paths: Mapping[Path, str]) -> dict[Path, str]:
    return {(key, *path): table for path, table in paths.items()}


_TEACHER: dict[Path, str] = {("members", EACH): PASSES}
_REPORT: dict[Path, str] = {
    ("run",): RUNS,
    ("runs", EACH, "run"): RUNS,
    ("members", EACH, "labeling_run"): PASSES,
    ("job",): JOBS,
}
DOCUMENTS: dict[tuple[str, str], dict[Path, str]] = {
    (PASSES, "config"): _TEACHER,
    (PASSES, "teacher"): {("members", EACH, "labeling_run"): PASSES},
    (RUNS, "config"): {("reference_run",): RUNS},
    (RUNS, "labels"): {("labelling",): PASSES, **_inside("saved", _inside("view", _RULE))},
    (schema.selections.name, "view"): _RULE,
    (AUDITS, "document"): {("labeling_run",): PASSES, **_inside("rule", _RULE)},
    (CERTIFICATES, "document"): {
        ("audit",): AUDITS,
        ("labeling_run",): PASSES,
        **_inside("rule", _RULE),
    },
    (JOBS, "request"): {
        ("training", "reference_run"): RUNS,
        **_inside("teacher", _TEACHER),
        ("variants", "members", EACH, EACH): PASSES,
    },
    (JOBS, "context"): {
        ("run_id",): RUNS,
        ("labelling_id",): PASSES,
        ("pooled",): PASSES,
        ("refinement_chosen",): PASSES,
        ("in_use_before",): PASSES,
        ("relabelled_from",): PASSES,
        ("basis", "labeling_run"): PASSES,
    },
    (JOBS, "result"): {
        **_REPORT,
        ("candidates", EACH, "config", "members", EACH): PASSES,
        ("candidates", EACH, "changes", "members", EACH): PASSES,
    },
    (schema.events.name, "detail"): {
        **_REPORT,
        ("audit",): AUDITS,
        ("certificate",): CERTIFICATES,
        ("label_sample",): SAMPLES,
        (FORMER, RUNS, EACH): RUNS,
        (FORMER, AUDITS, EACH): AUDITS,
    },
}
"""Where documents name records, by table and column."""

WITHOUT_NUMBERS = {
    (schema.projects.name, "report"),
    (schema.projects.name, "label_set"),
    (schema.projects.name, "additions"),
    (PASSES, "label_set"),
    (PASSES, "content_free"),
    (PASSES, "fits"),
    (PASSES, "rounds"),
    (RUNS, "summary"),
    (JOBS, "arguments"),
    (schema.selections.name, "counts"),
    (SAMPLES, "document"),
    (schema.text_views.name, "view"),
}
"""Documents that name no record."""


@dataclass
class Numbers:
    """The numbers that records of a project have in another home, by table."""

    tables: dict[str, dict[int, int]] = field(default_factory=dict)

    def add(self, table: str, old: int, new: int) -> None:
        """A record of ``table`` is called ``new`` there."""
        self.tables.setdefault(table, {})[old] = new

    def of(self, table: str, number: Any) -> Any:
        """What a record is called there; :data:`GONE` for none, None for None.

        A committee's members are words: numbers among them stay words.
        """
        if isinstance(number, str):
            if not (number.isascii() and number.isdecimal()) or len(number) > 10:
                return number
            return str(self.of(table, int(number)))
        if number is None or isinstance(number, bool) or not isinstance(number, int):
            return number
        return self.tables.get(table, {}).get(number, GONE)

    def record(self, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The record with the numbers of the other home, its own left aside."""
        changed = {name: value for name, value in values.items() if name != "id"}
        for key in schema.metadata.tables[table].foreign_keys:
            column = key.parent.name
            if column in changed:
                number = self.of(key.column.table.name, changed[column])
                changed[column] = None if number == GONE and key.parent.nullable else number
        for name in changed:
            if (table, name) in DOCUMENTS:
                for path, target in DOCUMENTS[table, name].items():
                    changed[name] = replaced(changed[name], path, partial(self.of, target))
        if table == schema.human_labels.name:
            changed["batch"] = self._batch(changed["batch"])
        return changed

    def _batch(self, batch: str) -> str:
        """The name of a decision that follows from an audit's answer holds the audit's number."""
        prefix, dot, place = batch.partition(".")
        number = prefix.removeprefix("audit")
        if not dot or number == prefix or not number.isdecimal() or not place.isdecimal():
            return batch
        return f"audit{self.of(AUDITS, int(number))}.{place}"

    def former(self) -> dict[str, dict[str, int]]:
        """Old number to new, of what manifests of before name: for the project's log."""
        return {
            table: {str(old): new for old, new in sorted(self.tables.get(table, {}).items())}
            for table in (RUNS, AUDITS)
        }


def replaced(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    """A JSON value with what lies at ``path`` changed; the same value where nothing lies there."""
    if not path:
        return change(value)
    first, rest = path[0], path[1:]
    if first == EACH and isinstance(value, list):
        return [replaced(item, rest, change) for item in value]
    if isinstance(value, dict):
        keys = list(value) if first == EACH else [first]
        changed = {key: replaced(value[key], rest, change) for key in keys if key in value}
        return {**value, **changed}
    return value
