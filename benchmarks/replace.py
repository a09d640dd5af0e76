"""A paid model replaced step by step: a stream of texts, a student in front of its teacher.

The stream's texts come one after the other to ``llkd serve … --answer-when T``, a real server (with
``--student words``, a linear student made in a second, to its parts within this process). The
student answers what it is certified for by held-out gold; the teacher, a server of its own that
speaks System One, answers the rest and is paid by the token. After each part of the stream its
inbox is curated in: a project of the old texts and the new is made, labelled (every answer is known
by then), a student trained, certified and served. The teacher here knows gold and errs in a share
of the texts, always the same ones: what it costs and how often it is right can be set.

    python benchmarks/replace.py --data DATA [--set ag_news] [--rounds 4] [--target 0.95]
        [--student embedded|words] [--teacher-right 0.92] [--pool 400] [--held-out 1000]
        [--part 1000] [--epochs 3] [--home DIR]

Printed for each part: what the student learnt from, the certificate, the share of the part that it
answered, how many of these answers are right by gold (with Wilson's interval, which must reach the
target), the calls that were made, and the calls saved so far against asking about every text.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.distillation import DATA_SETS, texts_of  # noqa: E402
from benchmarks.word_student import write_student  # noqa: E402
from llkd import curation, jobs, workflows  # noqa: E402
from llkd.config import LabelSet, Spending, TeacherConfig, TrainingConfig, build  # noqa: E402
from llkd.errors import UserError  # noqa: E402
from llkd.evaluation.intervals import wilson  # noqa: E402
from llkd.evaluation.predictions import evaluation_rows  # noqa: E402
from llkd.serving.fallback.making import (  # noqa: E402
    FallbackSettings,
    fallback_decider,
    student_answers,
)
from llkd.serving.student_decider import StudentDecider  # noqa: E402
from llkd.store import Project, Store  # noqa: E402
from llkd.store.run_summary import RunSummary  # noqa: E402
from llkd.workflows.inbox import write_inbox  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = 25


class Teacher:
    """What the paid model says, and how often it was asked."""

    def __init__(self, gold: dict[str, str], names: list[str], right: float) -> None:
        self.gold, self.names, self.right = gold, names, right
        self.calls = 0
        self._lock = threading.Lock()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to a System One request."""
        with self._lock:
            self.calls += 1
        text = request["state"]
        text = text if isinstance(text, str) else json.dumps(text)
        draw = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
        name = self.gold.get(text, self.names[0])
        if draw > self.right:  # always the same texts, and the same wrong class
            place = self.names.index(name) + 1 + int(draw * 1e6) % (len(self.names) - 1)
            name = self.names[place % len(self.names)]
        sure = 0.55 + 0.4 * ((draw * 7919) % 1)
        rest = (1 - sure) / (len(self.names) - 1)
        answers = {
            key: {
                "type": "choice",
                "choice": name,
                "confidence": sure,
                "probabilities": {
                    option: sure if option == name else rest for option in question["criteria"]
                },
            }
            for key, question in request["questions"].items()
        }
        usage = {"input_tokens": 40 + len(text) // 4, "output_tokens": 0}
        return {"model": "paid", "answers": answers, "usage": usage}


@contextlib.contextmanager
def served(teacher: Teacher) -> Iterator[str]:
    """The teacher behind HTTP; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:  # noqa: D102
            body = self.rfile.read(int(self.headers["Content-Length"]))
            payload = json.dumps(teacher.answer(json.loads(body))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *words: object) -> None:  # noqa: D102
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def student_server(home: Path, flags: list[str]) -> Iterator[tuple[str | None, str]]:
    """``llkd serve`` as a process: its address (None where it refuses to start), and its words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "llkd", "serve", *flags, "--port", "0"],
        cwd=ROOT, env={**os.environ, "LLKD_HOME": str(home)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    words: list[str] = []
    address = None
    assert process.stdout is not None  # noqa: S101 (it is a pipe)
    try:
        for line in process.stdout:
            words.append(line.strip())
            match = re.search(r"^Serving .* at (http://\S+)$", line)
            if match:
                address = match[1]
                break
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield address, " ".join(words)
    finally:
        process.terminate()
        process.wait(60)


def post(address: str, texts: list[str]) -> list[dict[str, Any]]:
    """The predictions for some texts."""
    request = urllib.request.Request(
        f"{address}/predict",
        json.dumps({"texts": texts}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=300) as reply:  # noqa: S310 (our own server)
        return list(json.load(reply)["predictions"])


def measures(address: str) -> dict[str, float]:
    """What ``/metrics`` says, by name."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=60) as reply:  # noqa: S310
        lines = reply.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def labelled(
    store: Store, name: str, texts: pd.DataFrame, names: list[str], config: TeacherConfig
) -> Project:
    """A project of these texts, labelled by the teacher."""
    frame = texts.reset_index(drop=True).assign(id=[f"t{k}" for k in range(len(texts))])
    store.projects.create(name, frame, source=name, report={}, label_set=LabelSet.of(names))
    project = store.projects.get(name)
    jobs.run(
        store,
        lambda job: workflows.label(store, project, config, job),
        kind="benchmark",
        title=name,
        device=None,
    )
    return store.projects.get(name)


def trained(store: Store, project: Project, epochs: int) -> int:
    """A student's run on all labels of a project."""
    settings = build(TrainingConfig, selection={"strategy": "all"}, epochs=epochs)
    result = jobs.run(
        store,
        lambda job: workflows.train(store, project, settings, job).model_dump(mode="json"),
        kind="benchmark",
        title=project.name,
        device=None,
    )
    return int(result["run"])


class InProcess:
    """The word student in front of the teacher, in an event loop of this process."""

    def __init__(
        self, store: Store, project: Project, folder: Path, config: TeacherConfig, target: float
    ) -> None:
        labels = curation.teacher_labels(store, curation.active_labeling_run(store, project))
        texts = store.projects.texts(project.id)
        pool = np.isin(labels.row, np.flatnonzero((texts["split"] == "pool").to_numpy()))
        names = labels.labeling_run.classes.names
        files = write_student(
            folder, texts["text"].to_numpy()[labels.row[pool]].tolist(), labels.label[pool], names
        )
        facts = {"classes": names, "class_keys": labels.labeling_run.classes.keys}
        run = store.runs.create(project.id, labels.labeling_run.id, TrainingConfig(), facts)
        store.runs.finish(run.id, RunSummary())
        student = StudentDecider(files, workers=1)
        rows, gold = evaluation_rows(store, project, store.runs.get(run.id))
        held_out = texts["text"].to_numpy()[rows].tolist()
        self.accuracy = float((student_answers(student, held_out).label == gold).mean())
        spending = Spending(price_in=0.1, price_out=0.0)
        settings = FallbackSettings(answer_when=target, teacher=config, spending=spending)
        self.decider = fallback_decider(store, project, store.runs.get(run.id), student, settings)

    def ask(self, texts: list[str]) -> tuple[list[dict[str, Any]], dict[str, float]]:
        """Predictions for the texts, some at once, and what the metrics say then."""

        async def work() -> list[Any]:
            await self.decider.start()
            try:
                replies = []
                for start in range(0, len(texts), AT_ONCE):
                    replies += await self.decider.classify(texts[start : start + AT_ONCE])
                return replies
            finally:
                await self.decider.close()

        classes = self.decider.classes or ()
        predictions = [
            {"label": classes[reply.best], "answered_by": reply.answered_by}
            for reply in asyncio.run(work())
        ]
        return predictions, {
            "llkd_answered_share_expected": self.decider.promise.expected_share,
            "llkd_stream_unlike": float(self.decider.monitor.unlike),
        }


def asked_of_server(
    home: Path,
    project: Project,
    run: int,
    url: str,
    arguments: argparse.Namespace,
    texts: list[str],
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """What ``llkd serve`` answers, and its metrics then. Raises UserError where it refuses."""
    flags = [
        project.name, "--run", str(run), "--answer-when", str(arguments.target),
        "--teacher", "systemone:paid", "--base-url", url, "--concurrency", "8",
        "--price-in", "0.10", "--price-out", "0",
    ]  # fmt: skip
    with student_server(home, flags) as (address, words):
        if address is None:
            raise UserError(words)
        replies = [
            reply
            for start in range(0, len(texts), AT_ONCE)
            for reply in post(address, texts[start : start + AT_ONCE])
        ]
        return replies, measures(address)


def stream(
    arguments: argparse.Namespace, home: Path, base: pd.DataFrame, waiting: pd.DataFrame
) -> None:
    """Serve part after part, and print what became of each."""
    names = sorted(base["gold"].unique())
    gold = dict(zip(waiting["text"], waiting["gold"], strict=True))
    gold |= dict(zip(base["text"], base["gold"], strict=True))
    teacher = Teacher(gold, names, arguments.teacher_right)
    # Gold of the pool is nobody's to know.
    known = base.assign(gold=base["gold"].where(base["split"] == "eval", None))
    store = Store(home)
    sent = saved = 0
    print(
        "part  learnt from  student right  certified share  answered  of these right"
        "            teacher calls  calls saved so far",
        flush=True,
    )
    with served(teacher) as url:
        asks = {"teacher": "systemone:paid", "base_url": url, "concurrency": 8}
        config = build(TeacherConfig, asks)
        for part in range(arguments.rounds):
            project = labelled(store, f"part {part}", known, names, config)
            before = teacher.calls
            texts = waiting["text"].iloc[: arguments.part].tolist()
            waiting = waiting.iloc[arguments.part :]
            try:
                if arguments.student == "words":
                    own_process = InProcess(store, project, home, config, arguments.target)
                    accuracy = own_process.accuracy
                    replies, measured = own_process.ask(texts)
                else:
                    run = trained(store, project, arguments.epochs)
                    accuracy = store.runs.get(run, project.id).accuracy or float("nan")
                    replies, measured = asked_of_server(home, project, run, url, arguments, texts)
            except UserError as refusal:
                print(f"{part:4}  not served: {refusal}", flush=True)
                new = pd.DataFrame({"text": texts})
                sent += len(texts)
            else:
                own = np.array([reply["answered_by"] == "student" for reply in replies])
                right = np.array(
                    [reply["label"] == gold[t] for reply, t in zip(replies, texts, strict=True)]
                )
                calls = teacher.calls - before
                sent, saved = sent + len(texts), saved + int(own.sum())
                low, high = wilson(int(right[own].sum()), int(own.sum())) or (0.0, 1.0)
                share = measured["llkd_answered_share_expected"]
                print(
                    f"{part:4}  {int((known['split'] == 'pool').sum()):11,}"
                    f"  {100 * accuracy:11.1f} %  {100 * share:13.1f} %  {100 * own.mean():6.1f} %"
                    f"  {100 * right[own].mean():5.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
                    f"{'' if high >= arguments.target else ' BROKEN':12}"
                    f"  {calls:13,}  {100 * saved / sent:6.1f} % of {sent:,}"
                    f"{'  unlike' if measured['llkd_stream_unlike'] else ''}",
                    flush=True,
                )
                new = pd.DataFrame({"text": []})
                if not own.all():
                    file = home / f"part-{part}.parquet"
                    write_inbox(store, project, file, clear=True)
                    new = pd.read_parquet(file, columns=["text"])
            new = new.assign(gold=None, split="pool")
            known = pd.concat([known, new], ignore_index=True).drop_duplicates("text")
    store.close()
    print(f"\ncalls in all {teacher.calls:,}, those for the first pool and held-out texts included")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", default="ag_news", choices=sorted(DATA_SETS))
    parser.add_argument("--student", choices=("embedded", "words"), default="embedded")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--teacher-right", type=float, default=0.92)
    parser.add_argument("--pool", type=int, default=400)
    parser.add_argument("--held-out", type=int, default=1000)
    parser.add_argument("--part", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    texts = texts_of(arguments.data, arguments.set, None, None).drop(columns="id")
    # One order for all: pool, held-out texts and stream are alike.
    texts = texts.sample(frac=1, random_state=1).reset_index(drop=True)
    first = arguments.pool + arguments.held_out
    base = texts[:first].copy()
    base["split"] = np.where(np.arange(first) < arguments.pool, "pool", "eval")
    with tempfile.TemporaryDirectory() as folder:
        stream(arguments, arguments.home or Path(folder), base, texts[first:])


if __name__ == "__main__":
    main()
