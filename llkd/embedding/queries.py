"""A typed meaning as a vector, by the student that made the embeddings in use.

Run as a module it is a process that keeps the student and answers one line for each line: pages
ask it (``curation.query_process``), so that the web process loads no model.
"""

from __future__ import annotations

import json
import select
import sys
from typing import Any

import numpy as np

from llkd import curation
from llkd.curation.meaning import LONGEST_MEANING
from llkd.errors import LLKDError, in_words
from llkd.selection.signals import Floats
from llkd.store import Project, Store

IDLE_SECONDS = 600.0
"""A process that nobody asks for so long ends, and with it the student in its memory."""


def embed_query(store: Store, project: Project, text: str) -> Floats:
    """The embedding ``[d]`` of a typed text, of length 1.

    Raises UserError where the texts have no embeddings yet, or those of another student.
    """
    return _vector(_loaded(curation.student_of_embeddings(store, project)), text)


def _loaded(student: str) -> Any:
    from llkd.students import load_student

    return load_student(student, ["a", "b"], seed=0)


def _vector(model: Any, text: str) -> Floats:
    return np.asarray(model.embed([text[:LONGEST_MEANING]])[0], dtype=np.float64)


def answer_lines(student: str) -> None:
    """Answer lines of ``{"text": …}`` with ``{"vector": [d]}`` or ``{"error": …}`` until the end.

    Another word than an answer on standard output would be read as one: libraries write to
    standard error here.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    model: Any = None
    while select.select([sys.stdin], [], [], IDLE_SECONDS)[0]:
        line = sys.stdin.readline()
        if not line:
            return
        try:
            model = model or _loaded(student)
            reply: dict[str, Any] = {"vector": _vector(model, json.loads(line)["text"]).tolist()}
        except LLKDError as error:
            reply = {"error": str(error)}
        except Exception as error:  # the page says it; the process stays
            reply = {"error": in_words(error) or f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=answers, flush=True)


def nearest_in_meaning(store: Store, project: Project, text: str) -> Floats:
    """How near each text of the project is to a typed meaning ``[n]``: a cosine, NaN if unknown."""
    return curation.meaning_scores(store, project, embed_query(store, project, text))


if __name__ == "__main__":
    answer_lines(sys.argv[1])
