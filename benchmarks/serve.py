"""A student's server against transformers' pipeline and plain onnxruntime: texts a second, times.

The same student, the same texts, one run, on at most two processors:

    python benchmarks/serve.py [--student FOLDER] [--seconds 10] [--requests 100000] [--only PARTS]

``--student`` is a folder of ``llkd export … --onnx``; without it one is trained on the sample and
exported to a temporary home (minutes). The parts:

- ``local``: one text after the other by ``pipeline("text-classification")`` and by onnxruntime
  without batches, each as it comes and on all processors, and eight callers at once of the
  pipeline, as behind a web server with a thread for each request.
- ``saturation``: 64 connections that each send one text and wait for its label, by wrk where it is
  installed (Debian: apt install wrk), else by a client of this script; and 8 with 32 texts each.
- ``half``: arrivals at random times at half the pace of saturation, whatever the server does; times
  count from when a request was due.
- ``crowd``: a thousand connections at once, one text each, into a queue of 256.
- ``memory``: the server's resident memory over 100,000 requests, to a student whose graph is tiny,
  so that what is measured is the server.

Milliseconds of processor time are printed beside those of the clock: on a machine that others use
at the same time only these compare.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from benchmarks.http_load import (  # noqa: E402
    Outcome,
    all_at_once,
    body,
    by_wrk,
    closed_loop,
    cpu_seconds,
    open_loop,
    resident,
    server,
)

PARTS = ("local", "saturation", "half", "crowd", "memory")
CALLERS, CONNECTIONS = 8, 64


def main() -> None:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--student", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    limit_processors()
    if arguments.child:
        print(json.dumps(CHILDREN[arguments.child](arguments.student, arguments.seconds)))
        return
    parts = arguments.only.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        student = arguments.student or trained_student(Path(scratch))
        print_setting(student)
        paces: dict[str, float] = {}
        if "local" in parts:
            paces |= local(student, arguments.seconds)
        for precision in precisions(student):
            saturated = 0.0
            if "saturation" in parts:
                saturated = saturation(student, precision, arguments.seconds, paces)
            if "half" in parts and saturated:
                half_load(student, precision, saturated / 2, arguments.seconds)
        if "crowd" in parts:
            crowd(student)
        if "memory" in parts:
            memory(Path(scratch), arguments.requests)


def limit_processors() -> None:
    """At most two, for this process and all that it starts."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def print_setting(student: Path) -> None:
    """Processor, processors, load of others, and the texts."""
    from llkd.workflows.student_export import processor_name

    cores = len(os.sched_getaffinity(0))
    print(f"{processor_name()}, {cores} processors; load of the machine {os.getloadavg()[0]:.1f}")
    lengths = token_lengths(student)
    print(
        f"{len(lengths):,} texts of the sample, {np.mean(lengths):.0f} tokens on average "
        f"(at most {max(lengths)})\n"
    )


def token_lengths(student: Path) -> list[int]:
    """Tokens of each text as the student reads it."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(student / "tokenizer.json"))
    return [len(encoding.ids) for encoding in tokenizer.encode_batch(sample_texts())]


def sample_texts() -> list[str]:
    """The sample's messages."""
    return pd.read_csv(ROOT / "sample_data" / "city_messages.csv")["text"].astype(str).tolist()


def trained_student(scratch: Path) -> Path:
    """A student of the embedded encoder, trained on the sample and exported with its graphs."""
    import llkd

    labels = llkd.label(llkd.load_sample(), teacher="similarity")
    student = llkd.train(labels, "all", epochs=1)
    return student.save(scratch / "student", onnx=True)


def precisions(student: Path) -> list[str]:
    """fp32, and int8 where the export's measurement does not advise against it."""
    from llkd.serving.folder import student_files

    advice = student_files(student).advice
    if advice:
        print(f"The 8-bit student is left out: {advice}\n")
    return ["fp32"] if advice else ["fp32", "int8"]


# --- what runs without a server, each in a process of its own --------------------------------


def local(student: Path, seconds: float) -> dict[str, float]:
    """The pipeline and plain onnxruntime; texts a second of each."""
    paces = {}
    print(f"{'without a server':44} {'texts/s':>9} {'ms':>8} {'CPU ms':>8}")
    for name, words in (
        ("pipeline", "pipeline, one text at a time"),
        ("pipeline_threads", f"pipeline, {CALLERS} callers at once"),
        ("onnx_fp32", "onnxruntime, 32-bit, one text at a time"),
        ("onnx_int8", "onnxruntime, 8-bit, one text at a time"),
    ):
        command = [sys.executable, __file__, "--child", name, "--student", str(student)]
        command += ["--seconds", str(seconds)]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        result = json.loads(ended.stdout.splitlines()[-1])
        paces[name] = result["texts"] / result["wall"]
        print(
            f"{words:44} {paces[name]:9.1f} {1000 * result['wall'] / result['texts']:8.2f} "
            f"{1000 * result['cpu'] / result['texts']:8.2f}",
            flush=True,
        )
    print()
    return paces


def timed_calls(
    call: Callable[[str], object], seconds: float, callers: int = 1
) -> dict[str, float]:
    """Calls for ``seconds`` from ``callers`` threads after a warm-up; texts, wall and CPU time."""
    texts = sample_texts()
    for text in texts[:8]:
        call(text)
    counts = [0] * callers
    wall, cpu = time.perf_counter(), time.process_time()

    def work(k: int) -> None:
        while time.perf_counter() - wall < seconds:
            call(texts[(counts[k] * callers + k) % len(texts)])
            counts[k] += 1

    threads = [threading.Thread(target=work, args=(k,)) for k in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "texts": sum(counts),
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
    }


def run_pipeline(student: Path, seconds: float, callers: int = 1) -> dict[str, float]:
    """One call a text, torch's own number of threads, the class that the folder has."""
    import logging

    import torch
    from transformers import AutoConfig, AutoTokenizer, pipeline

    from llkd.students.modeling_mean_pooled import MeanPooledForSequenceClassification

    logging.disable(logging.ERROR)  # it does not know the class that the folder brings along
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    config = AutoConfig.from_pretrained(student)
    classify = pipeline(
        "text-classification",
        model=MeanPooledForSequenceClassification.from_pretrained(student, config=config),
        tokenizer=AutoTokenizer.from_pretrained(student),
        top_k=None,
        truncation=True,
    )
    with torch.inference_mode():
        return timed_calls(classify, seconds, callers)


def run_onnx(student: Path, seconds: float, precision: str) -> dict[str, float]:
    """A session as onnxruntime makes it, and the tokenizer in Rust, text by text."""
    import onnxruntime
    from tokenizers import Tokenizer

    from llkd.serving.folder import student_files

    files = student_files(student, precision)
    session = onnxruntime.InferenceSession(files.graph, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(files.tokenizer))

    def call(text: str) -> object:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        return session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})

    return timed_calls(call, seconds)


CHILDREN: dict[str, Callable[[Path, float], dict[str, float]]] = {
    "pipeline": run_pipeline,
    "pipeline_threads": lambda student, seconds: run_pipeline(student, seconds, CALLERS),
    "onnx_fp32": lambda student, seconds: run_onnx(student, seconds, "fp32"),
    "onnx_int8": lambda student, seconds: run_onnx(student, seconds, "int8"),
}


# --- the server ------------------------------------------------------------------------------


def saturation(student: Path, precision: str, seconds: float, paces: dict[str, float]) -> float:
    """Texts a second with one text a request; prints that, and with 32 a request."""
    print(f"{'served, ' + precision:44} {'texts/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8}")
    with server(student, "--precision", precision) as (port, pid):
        bodies = [body([text]) for text in sample_texts()]
        asyncio.run(closed_loop(port, bodies, 8, seconds=2))  # warm
        before = cpu_seconds(pid)
        single = by_wrk(port, sample_texts(), CONNECTIONS, seconds) if shutil.which("wrk") else None
        tool = "wrk" if single else "own client"
        single = single or asyncio.run(closed_loop(port, bodies, CONNECTIONS, seconds))
        spent = cpu_seconds(pid) - before
        show(f"{CONNECTIONS} connections, a text each ({tool})", single, 1, spent)
        texts = sample_texts()
        many = [body(texts[k : k + 32]) for k in range(0, 992, 32)]
        before = cpu_seconds(pid)
        batched = asyncio.run(closed_loop(port, many, 8, seconds))
        show("8 connections, 32 texts each (own client)", batched, 32, cpu_seconds(pid) - before)
    for name, pace in paces.items():
        print(f"  {single.pace() / pace:5.1f} x {name.replace('_', ' ')}")
    print(flush=True)
    return single.pace()


def show(name: str, outcome: Outcome, texts: int, spent: float) -> None:
    """A line of a table."""
    answered = max(1, texts * outcome.statuses.get(200, 0))
    print(
        f"{name:44} {outcome.pace(texts):9.1f} {outcome.quantile(0.5):8.1f} "
        f"{outcome.quantile(0.99):8.1f} {1000 * spent / answered:8.2f}",
        flush=True,
    )


def half_load(student: Path, precision: str, rate: float, seconds: float) -> None:
    """Requests at random times, ``rate`` a second on average."""
    with server(student, "--precision", precision) as (port, _):
        bodies = [body([text]) for text in sample_texts()]
        asyncio.run(closed_loop(port, bodies, 8, seconds=2))
        outcome = asyncio.run(open_loop(port, bodies, rate, seconds))
    print(
        f"half load, {precision}: {rate:.0f} requests/s due, {outcome.pace():.0f}/s answered, "
        f"p50 {outcome.quantile(0.5):.1f} ms, p99 {outcome.quantile(0.99):.1f} ms\n",
        flush=True,
    )


def crowd(student: Path, callers: int = 1000) -> None:
    """Everybody at once."""
    with server(student, "--limit-waiting", "256") as (port, _):
        bodies = [body([text]) for text in sample_texts()]
        outcome = asyncio.run(all_at_once(port, bodies, callers))
    statuses = ", ".join(
        f"{count} x {status}" for status, count in sorted(outcome.statuses.items())
    )
    print(
        f"{callers:,} connections at once, 256 may wait: {statuses}; the last after "
        f"{max(outcome.seconds):.1f} s\n",
        flush=True,
    )


def memory(scratch: Path, requests: int) -> None:
    """Resident memory as requests go by."""
    from tests.support.tiny_onnx_student import make_onnx_student

    folder = scratch / "tiny"
    folder.mkdir()
    make_onnx_student(folder)
    bodies = [body([text[:200]]) for text in sample_texts()]
    print(f"{'requests':>10} {'MiB resident':>14}")
    with server(folder) as (port, pid):
        done = 0
        for step in (0.01, 0.1, 0.25, 0.5, 0.75, 1.0):
            wanted = round(step * requests) - done
            outcome = asyncio.run(closed_loop(port, bodies, CONNECTIONS, count=wanted))
            done += outcome.statuses.get(200, 0)
            print(f"{done:10,} {resident(pid):14.1f}", flush=True)


if __name__ == "__main__":
    main()
