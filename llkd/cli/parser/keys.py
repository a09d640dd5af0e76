"""The command for keys of teachers' servers."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, command

ACTS = ("set", "list", "forget")
NEVER_TYPED = (
    "llkd key takes set HOST, forget HOST or list. A key is never typed on the command line, where "
    "lists of processes and the shell's history show it; if you just did, get a new one. llkd key "
    "set HOST asks for it, or reads it from standard input."
)


def key_command(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``key``."""
    parser = command(
        commands,
        "key",
        "keep a teacher's key in a file that only you can read, list their hosts, or forget one",
        "llkd key set api.example.com",
    )
    # Nothing that is typed here is repeated, also where it is wrong: it may be a key.
    parser.instead_of_unknown = NEVER_TYPED
    parser.add_argument("act", metavar="|".join(ACTS))
    parser.add_argument("host", nargs="?", metavar="HOST", help="a host, host:port or base URL")
    parser.add_argument("more", nargs="*", help=argparse.SUPPRESS)
