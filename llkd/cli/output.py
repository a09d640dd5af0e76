"""What people see: tables, a progress bar on a terminal, one JSON document."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from llkd.jobs.progress import Bar
from llkd.store import Job


def plain_json(value: Any) -> Any:
    """The value with NaN and infinities as null, so that any JSON reader takes it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain_json(item) for item in value]
    return value


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(plain_json(document), ensure_ascii=False, indent=2))


def shown(value: Any, kind: str = "") -> str:
    """A value for a table: per cent with one decimal, thousands separators, a dash for nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if kind == "%":
        return f"{100 * value:.1f} %"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return printable(str(value))


def printable(text: str) -> str:
    """The text without control characters: a data set must not steer the terminal."""
    return "".join(ch if ch.isprintable() else "\N{REPLACEMENT CHARACTER}" for ch in text)


def print_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, tuple[str, str]]) -> None:
    """Rows as an aligned table. ``columns`` maps a key to its heading and kind ('%' or '')."""
    cells = [[heading for heading, _ in columns.values()]]
    cells += [[shown(row.get(key), kind) for key, (_, kind) in columns.items()] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    text_like = [all(not isinstance(row.get(key), int | float) for row in rows) for key in columns]
    for number, line in enumerate(cells):
        parts = [
            cell.ljust(width) if aligned_left else cell.rjust(width)
            for cell, width, aligned_left in zip(line, widths, text_like, strict=True)
        ]
        print("  ".join(parts).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


JOB_COLUMNS = {
    "id": ("job", ""),
    "title": ("what", ""),
    "state": ("state", ""),
    "done": ("done", ""),
    "total": ("of", ""),
    "message": ("message", ""),
}


def print_job(row: Mapping[str, Any]) -> None:
    """One job as a table."""
    print_table([row], JOB_COLUMNS)


class ProgressBar:
    """A bar on standard error, on a terminal only; a log gets a line now and then."""

    def __init__(self) -> None:
        self._bar = Bar()
        self._phase = ""
        self._logged = 0.0

    def __call__(self, done: int, total: int | None, message: str) -> None:
        """Show ``done`` of ``total``."""
        if not sys.stderr.isatty():
            self._log(done, total, message)
            return
        self._bar.show(done, total, message)

    def _log(self, done: int, total: int | None, message: str) -> None:
        """A line when the work enters another phase, and every half minute."""
        phase = re.sub(r"[\d.,% ]+", " ", message)
        if message and (phase != self._phase or time.monotonic() - self._logged >= 30):
            self._phase, self._logged = phase, time.monotonic()
            of = f" ({done:,} of {total:,})" if total else ""
            print(f"{message}{of}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


def job_row(job: Job) -> dict[str, Any]:
    """A job as the command line shows it."""
    return {
        "id": job.id,
        "job": job.id,
        "kind": job.kind,
        "title": job.title,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "message": job.error or job.message,
        "attempts": job.attempts,
    }
