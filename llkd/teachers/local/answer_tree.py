"""The verbalisers of all classes as one tree of tokens, so that shared beginnings are read once.

The root is the end of the prompt. Every other node is a token that some verbaliser goes on after:
only these are fed to the model, each seeing the prompt and its own ancestors. A label set of
one-token verbalisers has no such node, and needs no more than the prompt itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from llkd.config import VerbaliserScore
from llkd.errors import ConfigError


class AnswerTree:
    """Which tokens to feed after the prompt, and how to add up each class's score.

    ``tokens`` [N], ``depth`` [N] (1 for a child of the root) and ``sees`` [N, N] (ancestors and
    the node itself) describe the fed nodes. ``pairs`` [K, 2] lists the (node, token) pairs whose
    log-probability is needed, node 0 being the root and node i + 1 the i-th fed one.
    """

    def __init__(
        self, answers: Sequence[Sequence[int]], names: Sequence[str], rule: VerbaliserScore
    ) -> None:
        """``answers``: the tokens of each class's verbaliser. Raises ConfigError for equal ones."""
        used = [tuple(ids[:1]) if rule == "first_token" else tuple(ids) for ids in answers]
        _check_distinct(used, names, rule)
        paths = sorted({ids[:n] for ids in used for n in range(1, len(ids))}, key=len)
        node = {path: i for i, path in enumerate(paths)}
        self.paths = paths
        self.tokens = np.array([path[-1] for path in paths], dtype=np.int64)
        self.depth = np.array([len(path) for path in paths], dtype=np.int64)
        self.sees = np.zeros((len(paths), len(paths)), dtype=bool)
        for path, i in node.items():
            for n in range(1, len(path) + 1):
                self.sees[i, node[path[:n]]] = True
        pairs: dict[tuple[int, int], int] = {}
        terms = []
        for k, ids in enumerate(used):
            for n, token in enumerate(ids):
                pair = (node[ids[:n]] + 1 if n else 0, token)
                terms.append((k, pairs.setdefault(pair, len(pairs)), len(ids)))
        self.pairs = np.array(list(pairs), dtype=np.int64)
        self._weights = np.zeros((len(pairs), len(used)))
        for k, column, length in terms:
            self._weights[column, k] += 1 / length if rule == "mean" else 1.0

    def __len__(self) -> int:
        """How many nodes are fed after the prompt."""
        return len(self.paths)

    def scores(self, logs: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Class scores [b, C] from the log-probabilities [b, K] of the ``pairs``."""
        return (np.asarray(logs, dtype=np.float64) @ self._weights).astype(np.float32)


def _check_distinct(
    used: Sequence[tuple[int, ...]], names: Sequence[str], rule: VerbaliserScore
) -> None:
    owners: dict[tuple[int, ...], str] = {}
    for ids, name in zip(used, names, strict=True):
        if ids in owners:
            begin = "begin with" if rule == "first_token" else "are"
            advice = " or score all tokens (verbaliser_score 'sum')" if begin != "are" else ""
            raise ConfigError(
                f"The verbalisers of {owners[ids]!r} and {name!r} {begin} the same token for this "
                f"model, so it cannot tell them apart. Give one of them another verbaliser{advice}."
            )
        owners[ids] = name
