"""``python -m llkd.serving FOLDER``: an exported student where there is neither torch nor a home.

Needs only numpy, onnxruntime, tokenizers, pydantic, starlette, uvicorn and prometheus-client.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from llkd.errors import LLKDError
from llkd.installation import prepare_libraries
from llkd.serving.folder import student_files
from llkd.serving.options import add_options
from llkd.serving.start import serve_student


def main(words: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m llkd.serving", description="Serve an exported student over HTTP."
    )
    parser.add_argument("folder", type=Path, help="of an export with --onnx, or its student folder")
    parser.add_argument("--name", metavar="NAME", help="what the model is called in replies")
    add_options(parser)
    arguments = parser.parse_args(words)
    prepare_libraries()
    try:
        files = student_files(arguments.folder, arguments.precision, arguments.name)
        serve_student(files, arguments)
    except LLKDError as error:
        print(f"llkd: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
