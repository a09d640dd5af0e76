"""The command line as a person meets it: output and exit codes, of a process or of this one.

What begins with ``typed`` runs in this process: the same words in and out, without the second that
a process needs for its imports (or three, with torch). Log lines go elsewhere there.
"""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

from llkd.cli import main


def llkd(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "llkd", *map(str, arguments)],
        capture_output=True, text=True, timeout=300, **options,
    )  # fmt: skip


def document(*arguments, **options):
    done = llkd(*arguments, "--json", **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def typed(*arguments, umask=None):
    out, err = io.StringIO(), io.StringIO()
    before = None if umask is None else os.umask(umask)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main(list(map(str, arguments)))
    finally:
        if before is not None:
            os.umask(before)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def typed_document(*arguments):
    done = typed(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fails(*arguments, code=2, run=typed):
    """The one line in which a command refuses; ``run`` may be :func:`llkd`, a process of its own."""
    done = run(*arguments)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, f"one line, not: {done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stderr
