"""Projects of short texts, the command line as real processes, and what a server was asked."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict

import pandas as pd

from llkd.config import LabelSet
from llkd.store import Store

MARK = re.compile(r"message \d+ about \w+")
FAST = ("--concurrency=16", "--retry-seconds=0.01", "--timeout=4", "--no-probe")


def make_project(home, name, count):
    """Texts that each hold a number of their own and the name of their class; gold on some."""
    classes = ["red" if i % 3 else "blue" for i in range(count)]
    store = Store(home)
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(count)],
            "text": [f"message {i:04d} about {name}" for i, name in enumerate(classes)],
            "gold": classes,
            "split": ["eval" if i % 5 == 0 else "pool" for i in range(count)],
        }
    )
    made = store.projects.create(
        name, frame, source="t", report={}, label_set=LabelSet.of(["red", "blue"])
    )
    store.close()
    return made


def command(*arguments):
    return [sys.executable, "-m", "llkd", *map(str, arguments)]


def label(project, server, *more, kind="api"):
    """The arguments of labelling; a chat model is asked by letters, without a trial of other ways."""
    way = ("--ask=letters",) if kind == "api" else ()
    place = (f"--teacher={kind}:m", f"--base-url={server.url}")
    return ("label", project, *place, *FAST, *way, *more)


def environment(home, **more):
    return {**os.environ, "LLKD_HOME": str(home), **more}


def llkd(home, *arguments, **more):
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=200,
        env=environment(home, **more),
    )  # fmt: skip


def document(home, *arguments, **more):
    done = llkd(home, *arguments, "--json", **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def marked(line):
    """The text of the project that a request asks about, or None (a text without content)."""
    found = MARK.findall(line["text"])
    return found[-1] if found else None


def by_text(lines):
    """For each text of the project, what the server did at each of its requests, in order."""
    found = defaultdict(list)
    for line in lines:
        if marked(line):
            found[marked(line)].append(line["did"])
    return found


def scores_of(home, project):
    """Everything the pass in use of a project holds."""
    store = Store(home)
    labeling_run = store.labeling_runs.get(store.projects.get(project).labelling_id)
    read = store.labeling_runs.scores(labeling_run)
    store.close()
    return labeling_run, read


def text_of_row(row):
    """The text that a row of these projects has."""
    return f"message {row:04d} about {'red' if row % 3 else 'blue'}"
