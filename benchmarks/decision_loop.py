"""The embedded model as local teacher and through `llkd serve --decisions-from teacher`, offline.

The same texts are labelled here and by the two kinds of decision teachers, which ask that server as
they ask any: the shares of equal labels and the rank correlations of confidence, as measured and
under the calibration `batch`.

    python benchmarks/decision_loop.py [--texts 300] [--data FILE.csv.gz] [--rule sum]

Without ``--data`` (columns text and label) the sample's texts are taken. ``--rule`` is the
verbaliser_score of both.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, not installed

from benchmarks.alike import COLUMNS, compared, read_texts, teacher_scores  # noqa: E402
from llkd.cli.output import print_table  # noqa: E402
from llkd.config import TeacherConfig  # noqa: E402

KINDS = ("decisions", "systemone")
SHOWN = ("arm", "same", "rho", "same_calibrated", "rho_calibrated", "right", "seconds")


@contextmanager
def server(home: Path, rule: str) -> Iterator[str]:
    """The address of the embedded model behind the decision interfaces."""
    command = [sys.executable, "-m", "llkd", "serve", "--decisions-from", "teacher"]
    command += ["--port", "0", "--home", str(home), "--verbaliser-score", rule]
    command += ["--until-eof"]  # it ends with this process, however that ends
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        address = re.search(r" at (http://\S+)$", line)
        if address is None:
            raise SystemExit("the server did not start")
        yield address[1]
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Label the texts in all ways and print how alike they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rule", default="sum", choices=("sum", "mean", "first_token"))
    typed = parser.parse_args()
    texts, gold, labels = read_texts(typed.data, typed.texts)
    print(f"{len(texts)} texts, {len(labels.names)} classes: {typed.data or 'the sample'}")
    config = TeacherConfig(teacher="embedded", verbaliser_score=typed.rule)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        local = teacher_scores(config, labels, texts, home)
        here = local["scores"]
        lines = [compared("on this machine", local, here, gold)]
        with server(home, typed.rule) as url:
            for kind in KINDS:
                there = TeacherConfig(teacher=f"{kind}:embedded", base_url=f"{url}/v1")
                lines.append(compared(kind, teacher_scores(there, labels, texts, home), here, gold))
                print_table(lines[-1:], {name: COLUMNS[name] for name in SHOWN})
    print_table(lines, {name: COLUMNS[name] for name in SHOWN})


if __name__ == "__main__":
    main()
