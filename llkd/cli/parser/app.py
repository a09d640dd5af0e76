"""The command that starts the web app."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, command


def app_command(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``app``."""
    parser = command(
        commands,
        "app",
        "start the web app and open it in a browser",
        "llkd app --port 8600",
    )
    parser.add_argument(
        "--port", type=port, metavar="N", help="where it listens [8501, or the next one free]"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, open no browser"
    )
    parser.add_argument(
        "options",
        nargs="*",
        metavar="-- OPTION",
        help="Streamlit's own options, as --server.allowedHosts=llkd.example.org",
    )


def port(text: str) -> int:
    """A port number. Raises argparse's error for anything else."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65_535):
        raise argparse.ArgumentTypeError(f"a number from 1 to 65535 is needed, not {text[:60]!r}")
    return int(text)
