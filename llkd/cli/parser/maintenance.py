"""The commands for jobs and for the home itself."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, command, count, settings_flags
from llkd.config import ExecutorConfig


def job_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``jobs``, ``cancel``, ``resume``."""
    parser = command(commands, "jobs", "list jobs, newest first", "llkd jobs")
    parser.add_argument("--project", metavar="NAME")
    parser = command(commands, "cancel", "stop a job; what it has done is kept", "llkd cancel 3")
    parser.add_argument("id", type=count)
    parser.add_argument("--force", action="store_true", help="end its process at once")
    parser.add_argument(
        "--batches",
        action="store_true",
        help="cancel its batches at the server; the job collects what they have answered",
    )
    parser = command(
        commands, "resume", "go on with an ended job, where it was or elsewhere", "llkd resume 3"
    )
    parser.add_argument("id", type=count)
    parser.add_argument("--wait", action="store_true", help="wait until it has ended")
    settings_flags(parser, ExecutorConfig, as_stored=True)


def maintenance_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``doctor``, ``backup``, ``restore``."""
    parser = command(
        commands,
        "doctor",
        "look for damage in a home, and mend what loses nothing",
        "llkd doctor --mend",
    )
    parser.add_argument(
        "--mend",
        action="store_true",
        help="mend it: what is corrupt or belongs to nothing is moved to quarantine/, not deleted",
    )
    parser.add_argument(
        "--deep", action="store_true", help="read every value of every file, not only its frame"
    )

    parser.add_argument(
        "--at",
        metavar="ADDRESS",
        help="in place of a home an export or a backup at s3://bucket/prefix",
    )

    parser = command(
        commands,
        "backup",
        "copy a home, also while the app runs, and check the copy",
        "llkd backup /media/disk/llkd-monday",
    )
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="a new or empty folder outside the home, or a new prefix: s3://bucket/prefix",
    )

    parser = command(
        commands,
        "restore",
        "make a home again from a backup in object storage, and check it",
        "llkd restore s3://bucket/llkd-monday ./home",
    )
    parser.add_argument("address", metavar="ADDRESS", help="s3://bucket/prefix")
    parser.add_argument("folder", metavar="DIR", help="a new or empty folder")
