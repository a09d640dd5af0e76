"""docs/serving.md: its program runs as it stands, and every flag and path is in it."""

import argparse
import io
import re
from contextlib import redirect_stdout
from pathlib import Path

from llkd.serving.app import PATHS
from llkd.serving.options import add_options
from tests.support.serving_process import serving
from tests.support.tiny_onnx_student import make_onnx_student

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "serving.md"


def test_every_flag_and_path_is_described():
    parser = argparse.ArgumentParser()
    add_options(parser)
    words = DOCUMENT.read_text(encoding="utf-8")
    flags = set(re.findall(r"--[a-z-]+", parser.format_usage()))
    assert len(flags) > 15
    assert [flag for flag in flags if f"`{flag}" not in words and flag != "--host"] == []
    assert [path for path in PATHS if f"`{path}`" not in words and f" {path}`" not in words] == []


def test_its_program_runs(tmp_path):
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S)
    with serving(make_onnx_student(tmp_path, names=["roads", "water"])) as served:
        out = io.StringIO()
        with redirect_stdout(out):
            exec(program.replace("http://127.0.0.1:8100", served.url), {})
    assert re.match(r"(roads|water) \[", out.getvalue())
