"""Errors whose message is written for the user: what happened, where, and what to do.

The core raises them; the command line turns them into an exit code, a page into a message.
"""


class LLKDError(Exception):
    """Something failed that the user should read about in one sentence (exit code 1)."""

    exit_code = 1


class UserError(LLKDError):
    """The user can mend it: a wrong argument, a missing step, an unknown name (exit code 2)."""

    exit_code = 2


class ConfigError(UserError):
    """A setting is unknown or out of its range."""


class DataError(UserError):
    """A file or a text set cannot be used as it is."""


class NotFound(UserError):
    """A project, run, job or file of that name does not exist."""


class InputsChanged(UserError):
    """The same rows cannot be made again; ``changed`` says of each input what is another now."""

    def __init__(self, changed: list[str]) -> None:
        super().__init__(f"The same rows cannot be made again. {' '.join(changed)}")
        self.changed = changed


class ModelError(LLKDError):
    """A teacher or student model could not be loaded or used."""


class BudgetSpent(LLKDError):
    """The next call to the teacher could cost more than what is left; nothing was sent."""


class StoreError(LLKDError):
    """The home folder or its database cannot be read or written."""


class JobCancelled(LLKDError):
    """The work was asked to stop; what was done so far is kept."""
