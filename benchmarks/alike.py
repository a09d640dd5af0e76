"""Whether one model labels alike on this machine and behind two servers that we did not write.

The embedded model is asked about the same texts as the local teacher (``--verbaliser-score
first_token``, in 32 bits; where the processor multiplies 16-bit numbers also as it comes there),
through llama.cpp's server over the very file of the installed package, and through
``transformers serve`` over our conversion of it. llama.cpp is asked by letters, by names, and in
the local prompt with the answer begun, with as many words listed as it gives and with 20.
What ``transformers serve`` says in chat completions holds no log-probabilities, so it is asked for
decisions, by a decision config that writes the local prompt and reads the names' first tokens.

    python benchmarks/alike.py [--texts 300] [--data FILE.csv.gz] [--arms letters,names] [--full]

Without ``--data`` (columns text and label) the sample's texts are taken. ``--full`` repeats the arm
``prefilled`` over the same weights as 32-bit numbers: what then still differs is not the server's
rounding. Needs the packages of requirements-dev.txt.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, not installed

from llkd.cli.output import print_table  # noqa: E402
from llkd.config import LabelSet, TeacherConfig  # noqa: E402
from llkd.datasets.importing import sample_label_set, sample_texts  # noqa: E402
from llkd.models import devices, sources  # noqa: E402
from llkd.selection import signals  # noqa: E402
from llkd.teachers import make_teacher  # noqa: E402
from llkd.teachers.api.names import named_answers  # noqa: E402
from llkd.teachers.local.embedded import convert_gguf  # noqa: E402
from tests.support import decision_prompt, llama_server  # noqa: E402

ARMS = ("prefilled", "prefilled 20", "names", "letters", "decisions")
LOCAL = {"teacher": "embedded", "verbaliser_score": "first_token", "precision": "fp32"}
COLUMNS = {
    "arm": ("arm", ""),
    "same": ("same label", "%"),
    "rho": ("rank correlation of confidence", ""),
    "same_calibrated": ("same, calibrated", "%"),
    "rho_calibrated": ("rank correlation, calibrated", ""),
    "right": ("right, calibrated", "%"),
    "mass": ("probability on the options", "%"),
    "complete": ("texts with every class listed", "%"),
    "seconds": ("seconds", ""),
}


def read_texts(data: Path | None, count: int) -> tuple[list[str], np.ndarray, LabelSet]:
    """Texts drawn at random, their classes, and the classes there are."""
    if data is None:
        frame = sample_texts().texts.rename(columns={"gold": "label"})
        labels = sample_label_set()
    else:
        frame = pd.read_csv(data, keep_default_na=False)
        labels = LabelSet.of(sorted(frame["label"].unique()))
    frame = frame.sample(min(count, len(frame)), random_state=1)
    places = {name: k for k, name in enumerate(labels.names)}
    return [str(t) for t in frame["text"]], frame["label"].map(places).to_numpy(), labels


def teacher_scores(
    config: TeacherConfig, labels: LabelSet, texts: Sequence[str], home: Path
) -> dict[str, Any]:
    """Scores [n, C] of a teacher, and what its raw answers say of mass and missing classes."""
    began = time.perf_counter()
    teacher = make_teacher(config, labels, home)
    scores = np.full((len(texts), len(labels.labels)), np.nan, np.float32)
    raw: dict[int, str] = {}
    for batch in teacher.score(texts):
        scores[batch.index] = batch.scores
        raw |= dict(zip(batch.index.tolist(), batch.raw or [], strict=False))
    teacher.close()
    complete = [("not listed" not in words) for words in raw.values()]
    return {
        "scores": scores,
        "mass": float(np.nanmean(np.exp(scores).sum(axis=1))),
        "complete": float(np.mean(complete)) if complete else 1.0,
        "seconds": time.perf_counter() - began,
    }


def compared(arm: str, there: dict[str, Any], here: np.ndarray, gold: np.ndarray) -> dict[str, Any]:
    """One line of the table: an arm beside the local teacher."""
    from scipy.stats import spearmanr

    scores = there["scores"]
    read = np.isfinite(scores).all(axis=1)
    line: dict[str, Any] = {"arm": arm, **{k: there[k] for k in ("mass", "complete")}}
    line["seconds"] = round(there["seconds"])
    for end, calibration in (("", "none"), ("_calibrated", "batch")):
        mine, theirs = (_probabilities(each[read], calibration) for each in (here, scores))
        line[f"same{end}"] = float((mine.argmax(axis=1) == theirs.argmax(axis=1)).mean())
        rho = spearmanr(mine.max(axis=1), theirs.max(axis=1)).statistic
        line[f"rho{end}"] = f"{rho:.3f}"
    line["right"] = float((theirs.argmax(axis=1) == gold[read]).mean())
    if not read.all():
        line["arm"] += f" ({int((~read).sum())} unread)"
    return line


def _probabilities(scores: np.ndarray, calibration: str) -> np.ndarray:
    shift = scores.mean(axis=0) if calibration == "batch" else 0.0
    return signals.softmax(scores - shift)


def decided(labels: LabelSet, texts: Sequence[str], work: Path) -> dict[str, Any]:
    """What ``transformers serve`` over our conversion decides about the texts."""
    folder = sources.converted(sources.EMBEDDED_TEACHER, convert_gguf, work / "home")
    with decision_prompt.running(folder, labels, work) as url:
        began = time.perf_counter()
        scores = decision_prompt.scores(url, folder, labels, texts)
        seconds = time.perf_counter() - began
    return {"scores": scores, "mass": None, "complete": 1.0, "seconds": seconds}


def unrounded(work: Path) -> Path:
    """The package's file with its weights as 32-bit numbers, so that nothing is rounded again."""
    import gguf

    source = sources.embedded_file(sources.EMBEDDED_TEACHER)
    reader = gguf.GGUFReader(source)
    path = work / "unrounded.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in {"general.architecture", "general.file_type"}:
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kind, inner)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.dequantize(tensor.data, tensor.tensor_type))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def main() -> None:
    """Ask the same texts in every way and print how far the labels are the local teacher's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--full", action="store_true", help="also over unrounded weights")
    typed = parser.parse_args()
    texts, gold, labels = read_texts(typed.data, typed.texts)
    print(f"{len(texts)} texts, {len(labels.names)} classes: {typed.data or 'the sample'}")
    arms, lines = typed.arms.split(","), []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        local = teacher_scores(TeacherConfig(**LOCAL), labels, texts, work / "home")
        here = local["scores"]
        lines.append(compared("on this machine", local, here, gold))
        if devices.has_bfloat16("cpu"):
            rounded = TeacherConfig(**{**LOCAL, "precision": "bf16"})
            usual = teacher_scores(rounded, labels, texts, work / "home")
            lines.append(compared("on this machine, as it comes (bfloat16)", usual, here, gold))
        if "decisions" in arms:
            there = decided(labels, texts, work)
            lines.append(compared("transformers serve: decisions", there, here, gold))
            print_table(lines, COLUMNS)
        files = [(llama_server.embedded_gguf(), "llama.cpp")]
        files += [(unrounded(work), "llama.cpp, unrounded weights")] if typed.full else []
        for file, name in files:
            file_arms = [arm for arm in arms if arm != "decisions"]
            file_arms = file_arms if len(files) == 1 or file == files[0][0] else ["prefilled"]
            with llama_server.running(file, work / "llama.log", slots=1, context=2048) as url:
                for arm in file_arms:
                    way = arm.split()[0]
                    counts = (20, 5) if arm.endswith("20") else (1000, 20, 5)
                    named_answers.LISTED_NAMES = counts
                    config = TeacherConfig(
                        teacher="api:embedded", base_url=f"{url}/v1", ask=way, confidence="logprob",
                        concurrency=1, timeout=600,
                    )  # fmt: skip
                    there = teacher_scores(config, labels, texts, work / "home")
                    lines.append(compared(f"{name}: {arm}", there, here, gold))
                    print_table(lines[-1:], COLUMNS)
                    sys.stdout.flush()
    print()
    print_table(lines, COLUMNS)


if __name__ == "__main__":
    main()
