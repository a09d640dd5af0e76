"""How a server is started: the flags that every way to start one shares."""

from __future__ import annotations

import argparse
from pathlib import Path

from llkd.serving.limits import KEY_VARIABLE, Limits

PORT = 8100


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of :func:`llkd.serving.start.serve_student` to a parser."""
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="where it listens [127.0.0.1]"
    )
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help=f"0 takes a free one [{PORT}]"
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help=f"the key that callers must send (mode 600) [{KEY_VARIABLE}, or none]",
    )
    parser.add_argument(
        "--no-key",
        action="store_true",
        help="let others call without a key, as behind a proxy that asks for one",
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        metavar="NAME",
        help="a name that callers may use for it (repeatable) [127.0.0.1 and localhost, there]",
    )
    parser.add_argument(
        "--precision",
        choices=("fp32", "int8"),
        default="fp32",
        help="of the student's ONNX file [fp32]",
    )
    parser.add_argument(
        "--workers", type=_positive, metavar="N", help="batches at once [one a processor]"
    )
    for name, field in Limits.model_fields.items():
        parser.add_argument(
            f"--limit-{name.replace('_', '-')}",
            dest=f"limit_{name}",
            type=float if field.annotation is float else _positive,
            default=field.default,
            metavar="N",
            help=f"{field.description} [{field.default:,}]",
        )
    # For programs that start a server: it stops when its standard input ends, as theirs does.
    parser.add_argument("--until-eof", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--access-log", action="store_true", help="a line for each request, without its text"
    )


def _positive(text: str) -> int:
    """A whole number of 1 or more. Raises argparse's error for anything else."""
    if not (text.isascii() and text.isdigit() and int(text[:12]) >= 1):
        raise argparse.ArgumentTypeError(f"a whole number above 0 is needed, not {text[:60]!r}")
    return int(text[:12])
