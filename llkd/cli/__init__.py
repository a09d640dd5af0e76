"""The command line: arguments in, pipeline called, a document or one clear line out."""

from __future__ import annotations

import logging
import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence

from llkd.errors import JobCancelled, LLKDError, UserError, in_words


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 on success, 2 on a user's mistake, 1 on a failure."""
    # Progress of downloads and advice of libraries are not ours to print.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Threads that spin while they wait slow everything many times over as soon as another program
    # wants the same cores; torch's OpenMP reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    from llkd.cli.parser import make_parser

    typed = list(sys.argv[1:] if argv is None else argv)
    wants_json = "--json" in _before_names(typed)
    try:
        parser = make_parser()
        _refuse_dashes(typed)
        given = parser.parse_args(typed)
        if given.command is None:
            parser.print_help()
            return 0
        given.typed = _without(typed, "--home", "--job")
        return _act(given)
    except KeyboardInterrupt:
        return _fail("Interrupted.", 130, wants_json)
    except JobCancelled as error:
        return _fail(str(error), 130, wants_json)
    except LLKDError as error:
        _record_early_failure(typed, str(error))
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
        said = in_words(error)
        if said is not None:
            return _fail(said, 1, wants_json)
        message = f"Something unexpected happened: {type(error).__name__}: {error}"
        return _fail(message + " (LLKD_DEBUG=1 shows where.)", 1, wants_json)


def _refuse_dashes(typed: Sequence[str]) -> None:
    """Raise UserError for ``--option=--``: argparse takes these dashes for the end of the options.

    It then gives the option an empty list for its value.
    """
    for word in typed:
        option, sign, value = word.partition("=")
        if word == "--":
            return
        if sign and value == "--" and option.startswith("--"):
            raise UserError(f"Argument {option}: -- is no value that it can have.")


def _act(given: Namespace) -> int:
    from llkd.cli.actions import ACTIONS, WITHOUT_STORE
    from llkd.cli.output import print_json
    from llkd.cli.reports import REPORTS
    from llkd.store import Store

    command = given.command
    if command in WITHOUT_STORE:
        document = WITHOUT_STORE[command](given)
    else:
        store = Store(given.home)
        os.environ["LLKD_HOME"] = str(store.home.root)  # for what looks its weights up by itself
        try:
            document = ACTIONS[command](store, given)
        finally:
            store.close()
    if given.json:
        print_json(document)
    else:
        REPORTS[command](document)
    # Faults that remain are a failure, for scripts that look after a home.
    return 1 if command in WITHOUT_STORE and document["faults"] else 0


def _fail(message: str, code: int, wants_json: bool, changed: Sequence[str] = ()) -> int:
    from llkd.cli.output import print_json, printable

    line = printable(" ".join(message.split()))
    print(f"llkd: {line}", file=sys.stderr)
    if wants_json:
        print_json({"error": line, **({"changed": changed} if changed else {})})
    return code


def _record_early_failure(typed: Sequence[str], message: str) -> None:
    """A background job that fails before its work begins says why, instead of just ending."""
    own = _own_flags(typed)
    if "--job" not in own:
        return
    from llkd.store import Store

    try:
        store = Store(own.get("--home"))
        now = time.time()
        store.jobs.move(int(own["--job"]), ("queued",), "failed", error=message, finished=now)
        store.close()
    except LLKDError as error:  # then it is shown as died, with this in its log
        logging.getLogger("llkd").warning("the outcome was not written: %s", error)


def _own_flags(typed: Sequence[str]) -> dict[str, str]:
    typed = _before_names(typed)
    pairs = zip(typed, typed[1:], strict=False)
    return {flag: value for flag, value in pairs if flag in {"--home", "--job"}}


def _before_names(typed: Sequence[str]) -> Sequence[str]:
    """What comes before ``--``: after it even a project named ``--home`` is only a name."""
    return typed[: typed.index("--")] if "--" in typed else typed


def _without(typed: list[str], *flags: str) -> list[str]:
    """The arguments without these flags and their values: a job is given its own."""
    kept: list[str] = []
    skip = False
    options = _before_names(typed)
    for part in options:
        if skip:
            skip = False
        elif part in flags:
            skip = True
        elif not part.startswith(tuple(f"{flag}=" for flag in flags)):
            kept.append(part)
    return [*kept, *typed[len(options) :]]


__all__ = ["UserError", "main"]
