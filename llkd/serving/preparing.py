"""A run's student made ready to be served, in a process of its own: ONNX is written with torch.

The server itself loads no torch, and what torch takes goes with this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from llkd.errors import LLKDError, ModelError, UserError
from llkd.jobs.progress import SilentProgress
from llkd.serving.folder import CALIBRATION
from llkd.serving.onnx_classifier import FILES, TOKENIZER, StudentFiles
from llkd.store import Project, Run, Store


def prepared_student(store: Store, project: Project, run: Run, precision: str) -> StudentFiles:
    """The parts of a run's student, its ONNX files made first where they are not there yet.

    Raises UserError and ModelError as an export with ``--onnx`` does.
    """
    with tempfile.TemporaryDirectory(prefix="llkd-serve-") as folder:
        result = Path(folder) / "prepared.json"
        environment = {**os.environ, "LLKD_HOME": str(store.home.root)}
        command = [
            sys.executable, "-P", "-m", "llkd.serving.preparing",
            str(project.id), str(run.id), str(result),
        ]  # fmt: skip
        # With -P nothing of the current folder is imported; so llkd has to be named.
        top = str(Path(__file__).resolve().parents[2])
        paths = [top, *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        ended = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
        if not result.is_file():
            raise ModelError(
                "The student could not be made ready to be served: the process that writes its "
                f"ONNX file ended with {ended.returncode}."
            )
        values: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    if "error" in values:
        raise (UserError if values["code"] == UserError.exit_code else ModelError)(values["error"])
    return StudentFiles(
        graph=Path(values["onnx"]) / FILES[precision],
        tokenizer=Path(values["student"]) / TOKENIZER,
        name=values["name"],
        card=values["card"],
        calibration=values["calibration"],
        advice=values["advice"],
    )


def prepare(store: Store, project: Project, run: Run) -> dict[str, Any]:
    """Make the ONNX files, once for each run; where things lie, and what is known, as JSON."""
    from llkd.workflows.student_export import extra_files, onnx_files, portable_student

    progress = _Lines()
    files, _ = extra_files(store, project, run, True, progress)
    folder, _ = onnx_files(store, project, run, progress)
    facts = json.loads(str(files[CALIBRATION]))
    return {
        **facts,
        "onnx": str(folder),
        "student": str(portable_student(run)),
        "card": str(files["README.md"]),
    }


class _Lines(SilentProgress):
    """Says on standard error when another part of the work begins."""

    _last = ""

    def progress(
        self, done: int, total: int | None = None, message: str = "", always: bool = False
    ) -> None:
        """A line for each part."""
        if message and message != self._last:
            self._last = message
            print(message, file=sys.stderr, flush=True)  # noqa: T201


def main() -> None:
    """What the process does: see :func:`prepared_student`."""
    project_id, run_id, result = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    from llkd.installation import prepare_libraries

    prepare_libraries()
    try:
        store = Store()
        try:
            project = store.projects.by_id(project_id)
            values = prepare(store, project, store.runs.get(run_id, project_id))
        finally:
            store.close()
    except LLKDError as error:
        values = {"error": str(error), "code": error.exit_code}
    partial = result.with_suffix(".part")
    partial.write_text(json.dumps(values), encoding="utf-8")
    os.replace(partial, result)


if __name__ == "__main__":
    main()
