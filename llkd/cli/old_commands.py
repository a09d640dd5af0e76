"""Jobs of before 0.4.0 stored the command that they were: the parser of today reads it."""

from __future__ import annotations

from llkd.cli.parser import make_parser
from llkd.cli.requests import REQUESTS
from llkd.errors import UserError
from llkd.jobs.requests import JobRequest
from llkd.store import Store


def request_of_command(store: Store, words: list[str]) -> JobRequest:
    """The request that a command asks for. Raises UserError, ConfigError for one that asks none.

    Prices that it does not name are those of the price table, as they were when the job ran.
    """
    command = words[0] if words else ""
    if command not in REQUESTS:
        raise UserError(f"{command!r} is no command that runs as a job.")
    return REQUESTS[command](store, make_parser().parse_args(words))
