"""What runs on a node of the cluster: one worker, which makes what it works with and then works."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from importlib import import_module
from typing import Any

from llkd.cluster.messages import Reply
from llkd.errors import LLKDError, UserError, in_words
from llkd.installation import prepare_libraries

_LOG = logging.getLogger(__name__)


class Worker:
    """One worker. Errors come back as replies: no exception of ours need be known elsewhere."""

    def __init__(self, gpus: float) -> None:
        """Nothing is loaded yet, so that it is there as soon as it has a place."""
        prepare_libraries()
        if not gpus:  # what a node has besides is not its own
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self._work: Any = None

    def place(self) -> str:
        """The name of the machine that it is on."""
        return socket.gethostname()

    def prepare(self, make: str, setup: Any) -> Reply:
        """Make the work by the function ``module:name`` of ``setup``; replies its ``identity``."""

        def prepared() -> Any:
            module, _, name = make.partition(":")
            self._work = getattr(import_module(module), name)(setup)
            return self._work.identity

        return _reply(prepared)

    def work(self, item: Any) -> Reply:
        """Do one piece of work."""
        return _reply(lambda: self._work(item))


def _reply(act: Callable[[], Any]) -> Reply:
    try:
        return Reply(act())
    except LLKDError as error:
        return Reply(error=str(error), user=isinstance(error, UserError))
    except MemoryError:
        raise  # the worker is of no use any more, and its work may fit elsewhere
    except Exception as error:
        _LOG.exception("the work failed")
        sentence = in_words(error) or f"Something unexpected happened ({_named(error)})."
        return Reply(error=sentence)


def _named(error: Exception) -> str:
    words = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
