"""The commands of trust: audit, certify."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, command, count, selection_flags


def audit_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``audit``, ``certify``."""
    parser = command(
        commands,
        "audit",
        "label texts at random and blindly, to know how right the kept labels are",
        "llkd audit reviews --start --confidence 0.6; llkd audit reviews --label",
    )
    parser.add_argument("project")
    parser.add_argument("--audit", type=count, metavar="N", help="which audit [the newest open]")
    parser.add_argument("--who", default="local user", metavar="NAME", help="who labels")
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--start", action="store_true", help="begin an audit of what is kept")
    doing.add_argument("--label", action="store_true", help="label here, one text after the other")
    doing.add_argument(
        "--draw", type=count, metavar="N", help="write the next N texts to --out, without labels"
    )
    doing.add_argument(
        "--import",
        dest="answers",
        metavar="FILE",
        help="read answers: columns id and label (? for none of the classes), and who",
    )
    doing.add_argument("--undo", action="store_true", help="take back the last answer of --who")
    doing.add_argument(
        "--adjudicate",
        action="append",
        metavar="ID=CLASS",
        help="settle a text that two people answered differently (repeatable)",
    )
    doing.add_argument("--close", action="store_true", help="take no more answers")
    doing.add_argument("--reopen", action="store_true", help="take answers again")
    parser.add_argument("--out", metavar="FILE", help="of --draw: .csv, .jsonl or .parquet")
    parser.add_argument("--target", type=float, help="share right to be promised [0.95]")
    parser.add_argument("--level", type=float, help="confidence of the promise [0.95]")
    parser.add_argument("--people", type=int, help="how many label each text: 1 or 2 [1]")
    parser.add_argument("--seed", type=int, help="of the draw [at random]")
    for name, side in (("confidence", "teacher"), ("need", "student")):
        parser.add_argument(
            f"--{name}",
            dest=f"{side}_threshold",
            action="append",
            metavar="X|CLASS=X",
            help=f"the same as --{side}-threshold",
        )
    selection_flags(parser, certified=False)

    parser = command(
        commands,
        "certify",
        "say how many of the kept labels are right at least, and keep it as a certificate",
        "llkd certify reviews --target 0.9",
    )
    parser.add_argument("project")
    parser.add_argument("--audit", type=count, metavar="N", help="which audit [the newest open]")
    parser.add_argument("--target", type=float, help="share right, at most the audit's [its own]")
    parser.add_argument("--level", type=float, help="confidence of the promise [the audit's]")
