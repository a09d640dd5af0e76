"""Keys kept for teachers' servers. None is ever an argument: command lines are read by others."""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace

from llkd.cli.actions.jobs import Document
from llkd.cli.parser.keys import ACTS, NEVER_TYPED
from llkd.config.server_key import LONGEST_KEY
from llkd.errors import UserError
from llkd.store.home import Home
from llkd.store.keys.key_file import KeyFile, place_of


def key(arguments: Namespace) -> Document:
    """``llkd key set``, ``forget`` and ``list``."""
    if arguments.act not in ACTS or arguments.more or (arguments.act == "list" and arguments.host):
        raise UserError(NEVER_TYPED)
    file = KeyFile()
    document: Document = {"act": arguments.act, "file": str(file.path)}
    if arguments.act == "list":
        return {**document, "hosts": file.places(), "remarks": file.remarks}
    if arguments.host is None:
        raise UserError(
            f"Name the server: llkd key {arguments.act} api.example.com, 127.0.0.1:8000 or its "
            "base URL."
        )
    place = place_of(arguments.host)
    if arguments.act == "set":
        file.save(place, _words(place), Home(arguments.home).root)
        return {**document, "host": place, "remarks": file.remarks}
    return {**document, "host": place, "forgotten": file.forget(place), "remarks": file.remarks}


def _words(place: str) -> str:
    if sys.stdin is None:
        raise UserError("There is no standard input to read the key from.")
    if sys.stdin.isatty():
        return getpass.getpass(f"Key for {place} (not shown): ")
    # A byte more than the longest: a whole file that was piped in is refused, not cut.
    return sys.stdin.read(4 * LONGEST_KEY)
