"""The command line: arguments in, pipeline called, a document or one clear line out."""

from __future__ import annotations

import logging
import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress

from llkd import isolation
from llkd.errors import JobCancelled, LLKDError, UserError, in_words
from llkd.installation import prepare_libraries

_READERS = ("import", "add", "annotations")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 on success, 2 on a user's mistake, 1 on a failure."""
    prepare_libraries()
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    words = list(sys.argv[1:] if argv is None else argv)
    if _reads_file(words):
        with suppress(OSError):  # whoever needs it says so
            isolation.start()  # it is ready when the command is
    from llkd.cli.parser import make_parser

    wants_json = "--json" in _before_names(words)
    arguments = Namespace(job=None, attempt=None)
    try:
        parser = make_parser()
        _refuse_dashes(words)
        arguments = parser.parse_args(words)
        if arguments.command is None and arguments.job is None:
            parser.print_help()
            return 0
        return _act(arguments) if arguments.command is not None else _act_as_job(arguments)
    except KeyboardInterrupt:
        return _fail("Interrupted.", 130, wants_json)
    except JobCancelled as error:
        return _fail(str(error), 130, wants_json)
    except LLKDError as error:
        _record_early_failure(arguments, str(error))
        return _fail(str(error), error.exit_code, wants_json, getattr(error, "changed", ()))
    except BrokenPipeError:
        # The reader (head, less) has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError:
        return _fail("Not enough memory. Close other programs or use less data.", 1, wants_json)
    except Exception as error:
        logging.getLogger("llkd").debug("unexpected", exc_info=True)
        if os.environ.get("LLKD_DEBUG"):
            raise
        sentence = in_words(error)
        if sentence is not None:
            return _fail(sentence, 1, wants_json)
        message = f"Something unexpected happened: {type(error).__name__}: {error}"
        return _fail(message + " (LLKD_DEBUG=1 shows where.)", 1, wants_json)


def _refuse_dashes(words: Sequence[str]) -> None:
    """Raise UserError for ``--option=--``: argparse takes these dashes for the end of the options.

    It then gives the option an empty list for its value.
    """
    for word in words:
        option, sign, value = word.partition("=")
        if word == "--":
            return
        if sign and value == "--" and option.startswith("--"):
            raise UserError(f"Argument {option}: -- is no value that it can have.")


def _act(arguments: Namespace) -> int:
    from llkd.cli.actions import ACTIONS, WITHOUT_STORE
    from llkd.cli.output import print_json
    from llkd.cli.reports import REPORTS
    from llkd.store import Store

    command = arguments.command
    if command in WITHOUT_STORE:
        document = WITHOUT_STORE[command](arguments)
    else:
        store = Store(arguments.home)
        os.environ["LLKD_HOME"] = str(store.home.root)  # for what looks its weights up by itself
        try:
            document = ACTIONS[command](store, arguments)
        finally:
            store.close()
    if arguments.json:
        print_json(document)
    else:
        REPORTS[command](document)
    # Faults that remain are a failure, for scripts that look after a home.
    return 1 if command in WITHOUT_STORE and document.get("faults") else 0


def _act_as_job(arguments: Namespace) -> int:
    """What a job's own process does. Its home is that of LLKD_HOME; its report goes to its log."""
    from llkd.cli.actions.jobs import run_stored
    from llkd.cli.reports import REPORTS
    from llkd.jobs.typed_keys import take_keys
    from llkd.store import Store

    take_keys()
    store = Store()
    try:
        arguments.attempt = store.jobs.get(arguments.job).attempts
        command, document = run_stored(store, arguments.job)
    finally:
        store.close()
    REPORTS[command](document)
    return 0


def _fail(message: str, code: int, wants_json: bool, changed: Sequence[str] = ()) -> int:
    from llkd.cli.output import print_json, printable

    line = printable(" ".join(message.split()))
    print(f"llkd: {line}", file=sys.stderr)
    if wants_json:
        print_json({"error": line, **({"changed": changed} if changed else {})})
    return code


def _record_early_failure(arguments: Namespace, message: str) -> None:
    """A background job that fails before its work begins says why, instead of just ending.

    Whoever resumes a job at once has queued its next attempt by now, which has not failed.
    """
    if arguments.job is None:
        return
    from llkd.store import Store

    try:
        store = Store()
        attempt = getattr(arguments, "attempt", None)
        if attempt in (None, store.jobs.get(arguments.job).attempts):
            failed = {"error": message, "finished": time.time()}
            store.jobs.move(arguments.job, ("queued",), "failed", **failed)
        store.close()
    except LLKDError as error:  # then it is shown as died, with this in its log
        logging.getLogger("llkd").warning("the outcome was not written: %s", error)


def _reads_file(words: Sequence[str]) -> bool:
    """Whether a command is likely to read a file of texts or labels."""
    command = next((word for word in words if not word.startswith("-")), None)
    return command in _READERS or any("file:" in word for word in words)


def _before_names(words: Sequence[str]) -> Sequence[str]:
    """What comes before ``--``: after it even a project named ``--home`` is only a name."""
    return words[: words.index("--")] if "--" in words else words


__all__ = ["UserError", "main"]
