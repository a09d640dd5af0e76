"""Errors whose message is written for the user: what happened, where, and what to do.

The core raises them; the command line turns them into an exit code, a page into a message.
"""

import errno


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


class SelectsNothing(UserError):
    """A run that was asked for would train on nothing, so it is not begun."""


class WorkerLost(LLKDError):
    """A process that trained a student along with others ended before the work was done."""


class NothingSelected(LLKDError):
    """A run walked the whole pool and its strategy took no text: there is no student."""


class BudgetSpent(LLKDError):
    """The next call to the teacher could cost more than what is left; nothing was sent."""


class StoreError(LLKDError):
    """The home folder or its database cannot be read or written."""


class ClusterError(LLKDError):
    """A cluster cannot be used any more, or its workers fail at what they are to do."""


class JobCancelled(LLKDError):
    """The work was asked to stop; what was done so far is kept."""


_DISK = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        "The disk is full, or a limit on its use is reached. What was there before is unchanged; "
        "free some space and try again.",
    ),
    errno.EROFS: "The disk is read-only. Nothing was changed; choose another folder.",
    errno.EIO: "The disk cannot be read or written: it may be failing. Make a backup elsewhere "
    "before anything else.",
}


def in_words(error: BaseException) -> str | None:
    """What a failing disk means, wherever in the causes of an error it is; None for any other."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _DISK:
            where = "" if cause.filename is None else f" ({cause.filename})"
            return _DISK[cause.errno].replace(".", f"{where}.", 1)
        cause = cause.__cause__ or cause.__context__
    return None
