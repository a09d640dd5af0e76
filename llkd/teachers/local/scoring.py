"""Label scoring with a causal language model: exact log-probabilities of every verbaliser.

The fast way reads the shared prefix once and keeps its keys and values; a batch then holds only
the texts, padded on the left, with the answer tree behind them, all in one forward pass under one
attention mask. The plain way reads whole prompts of equal length without a cache: slower, right
for any model. The fast way is taken only where it reproduces the plain one on this model, and of a
model whose layers look back a limited number of tokens only where the whole prompt lies within it.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from llkd.teachers.local.alibi import Alibi
from llkd.teachers.local.answer_tree import AnswerTree
from llkd.teachers.local.decoder_outputs import final_logits
from llkd.teachers.local.windows import attention_window

if TYPE_CHECKING:
    import torch

HEAD_CHUNK = 16_384
# Rows of attention are made a multiple of this long, by keys that nobody sees: softmax over 110
# keys in bfloat16 takes twice as long as over 128.
KEY_STEP = 32
_LOG = logging.getLogger(__name__)


class LabelScorer:
    """Scores batches of token rows; ``fast`` says whether the shared prefix is reused."""

    def __init__(
        self, model: Any, prefix: Sequence[int], suffix: Sequence[int], tree: AnswerTree
    ) -> None:
        """``model``: a causal LM in evaluation mode. ``prefix`` holds at least one token."""
        self._model = model
        self._prefix = list(prefix)
        self._suffix = list(suffix)
        self._tree = tree
        self._cache: Any = None
        self._window: int | None = None
        self._alibi: Alibi | None = None
        takes = inspect.signature(model.forward).parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        self.fast = False
        try:
            self._cache = self._read_prefix()
            self.fast = self._agrees()
        except (RuntimeError, TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
            if is_out_of_memory(error):
                raise
            _LOG.info("This model takes no shared prefix (%s).", error)
        if not self.fast:
            self._cache = None
            _LOG.warning("Scoring whole prompts one length at a time: slower, equally right.")

    def score(self, rows: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Scores [b, C] of ``b`` texts given as token ids, in one batch."""
        import torch

        with torch.inference_mode():
            fitting = [k for k, row in enumerate(rows) if self._is_fast(len(row))]
            logs = np.full((len(rows), len(self._tree.pairs)), np.nan)
            for batch in self._together(fitting, rows):
                logs[batch] = self._fast([rows[k] for k in batch]).cpu().numpy()
            rest = [k for k in range(len(rows)) if k not in set(fitting)]
            if rest:
                logs[rest] = self._plain([rows[k] for k in rest]).cpu().numpy()
        return self._tree.scores(logs)

    def width(self, length: int) -> int:
        """Tokens the model reads for a text of ``length`` tokens."""
        if self._is_fast(length):
            return length + len(self._suffix) + len(self._tree)
        whole = len(self._prefix) + length + len(self._suffix)
        return whole + sum(whole + len(path) for path in self._tree.paths)

    def _is_fast(self, length: int) -> bool:
        """Whether a text of ``length`` tokens takes the fast way."""
        if not self.fast or self._window is None:
            return self.fast
        deepest = int(self._tree.depth.max(initial=0))
        whole = len(self._prefix) + length + len(self._suffix) + deepest
        return whole <= self._window

    def _together(
        self, places: Sequence[int], rows: Sequence[Sequence[int]]
    ) -> Sequence[Sequence[int]]:
        """Which of the rows share a pass: all, or with ALiBi those of one length."""
        if self._alibi is None:
            return [places] if places else []
        groups = _equal_lengths([rows[k] for k in places])
        return [[places[k] for k in group] for group in groups]

    def _agrees(self) -> bool:
        """Both ways on two rows of different length, at the root and up to two other nodes.

        In bfloat16 both round: 0.07 apart on average with the embedded model, where wrong masks
        and positions led to 0.4 and more.
        """
        import torch

        sample = (self._suffix + self._prefix)[:12]
        rows = [sample, sample[: max(1, len(sample) // 3)]]
        nodes = sorted({0, min(1, len(self._tree)), len(self._tree)})
        with torch.inference_mode():
            fast = [self._fast([rows[k] for k in batch]) for batch in self._together([0, 1], rows)]
            difference = (torch.cat(fast) - self._plain(rows, nodes)).abs()
        difference = difference[:, np.isin(self._tree.pairs[:, 0], nodes)]
        if self._model.dtype == torch.float32:
            return bool(difference.max() <= 2e-3)
        return bool(difference.mean() <= 0.3)

    def _read_prefix(self) -> Any:
        import torch
        from transformers.cache_utils import DynamicCache

        n, decoder = len(self._prefix), self._model.get_decoder()
        self._window = attention_window(self._model.config)
        if self._window is not None and n >= self._window:
            raise ValueError("the prompt is longer than its layers look back")
        self._alibi = Alibi.of(decoder)
        cache = DynamicCache()  # of layers that keep all, which is the same within the window
        mask = torch.ones(1, 1, n, n, dtype=torch.bool, device=self._model.device).tril()
        with torch.inference_mode(), self._biased(np.arange(n)):
            decoder(
                input_ids=self._tensor([self._prefix]),
                attention_mask=self._additive(mask),
                position_ids=self._tensor([np.arange(n)]),
                use_cache=True,
                **{cache_argument(decoder): cache},
            )
        return _shared(cache)

    def _biased(self, positions: npt.NDArray[np.int64]) -> AbstractContextManager[None]:
        """Keys at these positions, for a model that has to be told so."""
        return nullcontext() if self._alibi is None else self._alibi.at(positions)

    def _fast(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Log-probabilities [b, K] of the asked pairs: one pass over texts and answer tree."""
        tree, before = self._tree, len(self._prefix)
        bodies = [[*row, *self._suffix] for row in rows]
        longest, nodes = max(map(len, bodies)), len(tree)
        pads = np.array([longest - len(body) for body in bodies])
        ids = np.zeros((len(bodies), longest + nodes), dtype=np.int64)
        for row, body in zip(ids, bodies, strict=True):
            row[longest - len(body) : longest] = body
        ids[:, longest:] = tree.tokens
        columns = np.arange(longest)
        blind = -(before + longest + nodes) % KEY_STEP
        self._cache.blind = blind
        places = np.maximum(columns[None] - pads[:, None], 0)
        leaves = (longest - pads)[:, None] + tree.depth[None] - 1
        positions = before + np.concatenate([places, leaves], axis=1)
        decoder = self._model.get_decoder()
        unseen, first = np.zeros(blind, dtype=np.int64), np.arange(before)
        with self._biased(np.concatenate([unseen, first, positions[0]])):
            output = decoder(
                input_ids=self._tensor(ids),
                attention_mask=self._additive(
                    self._tensor(_visible(blind, before, pads, longest, tree))
                ),
                position_ids=self._tensor(positions),
                use_cache=True,
                **{cache_argument(decoder): self._cache},
            )
        return self._head(output.last_hidden_state[:, longest - 1 :])

    def _head(self, hidden: torch.Tensor) -> torch.Tensor:
        """From hidden states [b, 1 + N, D] at root and nodes to log-probabilities [b, K].

        The asked columns are computed in float32; over the whole vocabulary only the logarithm of
        the sum is formed, a chunk of words at a time.
        """
        import torch

        head = self._model.get_output_embeddings()
        weight, bias = head.weight, getattr(head, "bias", None)
        norms = []
        for start in range(0, weight.shape[0], HEAD_CHUNK):
            part = slice(start, start + HEAD_CHUNK)
            logits = torch.nn.functional.linear(
                hidden, weight[part], None if bias is None else bias[part]
            )
            norms.append(final_logits(self._model, logits.float()).logsumexp(-1))
        norm = torch.stack(norms).logsumexp(0)
        nodes, tokens = self._tensor(self._tree.pairs).unbind(1)
        columns = torch.einsum(
            "bkd,kd->bk", hidden[:, nodes].float(), weight[tokens].to(torch.float32)
        )
        if bias is not None:
            columns = columns + bias[tokens].float()
        return final_logits(self._model, columns) - norm[:, nodes]

    def _plain(
        self, rows: Sequence[Sequence[int]], nodes: Sequence[int] | None = None
    ) -> torch.Tensor:
        """The same numbers from whole prompts: no cache, no padding, the model's own head.

        ``nodes`` limits the work to some nodes; the columns of the others are NaN.
        """
        import torch

        pairs = self._tensor(self._tree.pairs)
        logs = torch.full((len(rows), len(pairs)), np.nan, device=self._model.device)
        paths: list[tuple[int, ...]] = [(), *self._tree.paths]
        for node in range(len(paths)) if nodes is None else nodes:
            path = paths[node]
            columns_of_node = (pairs[:, 0] == node).nonzero()[:, 0]
            for same_length in _equal_lengths(rows):
                ids = [[*self._prefix, *rows[i], *self._suffix, *path] for i in same_length]
                output = self._model(
                    input_ids=self._tensor(ids), use_cache=False, **self._last_only
                )
                logs_of_node = (
                    output.logits[:, -1].float().log_softmax(-1)[:, pairs[columns_of_node, 1]]
                )
                logs[self._tensor(same_length)[:, None], columns_of_node] = logs_of_node
        return logs

    def _tensor(self, values: Any) -> torch.Tensor:
        import torch

        return torch.as_tensor(np.asarray(values), device=self._model.device)

    def _additive(self, visible: torch.Tensor) -> torch.Tensor:
        """A mask that every attention implementation takes: 0 to see, the lowest number not to."""
        import torch

        mask = torch.zeros(visible.shape, dtype=self._model.dtype, device=visible.device)
        return mask.masked_fill_(~visible, torch.finfo(self._model.dtype).min)


def _visible(
    blind: int, before: int, pads: npt.NDArray[np.int64], longest: int, tree: AnswerTree
) -> npt.NDArray[np.bool_]:
    """Who sees whom: [b, 1, L + N, blind + P + L + N], True to see.

    All see the prefix; a text token sees its text so far; a node its text, ancestors and itself.
    Padding is seen by no one; it sees the prefix, because a softmax over nothing is no number.
    """
    nodes, start = len(tree), blind + before
    mask = np.zeros((len(pads), 1, longest + nodes, start + longest + nodes), dtype=bool)
    mask[..., blind:start] = True
    columns = np.arange(longest)
    real = columns[None] >= pads[:, None]
    causal = columns[None] <= columns[:, None]
    mask[:, 0, :longest, start : start + longest] = causal[None] & real[:, None]
    mask[:, 0, longest:, start : start + longest] = real[:, None]
    mask[:, 0, longest:, start + longest :] = tree.sees
    return mask


def _equal_lengths(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(len(row), []).append(i)
    return list(groups.values())


def cache_argument(decoder: Any) -> str:
    """What a decoder calls the keys and values it goes on from: transformers 5.24 renamed it."""
    parameters = inspect.signature(decoder.forward).parameters
    return "cache" if "cache" in parameters else "past_key_values"


def _shared(filled: Any) -> Any:
    """A cache that lends its keys and values to any batch and keeps nothing of it.

    The prefix is stored once; it is repeated only inside the one tensor that attention reads, so
    nothing has to be copied or cropped between batches. ``blind`` keys of zeros stand before it.
    """
    import torch
    from transformers.cache_utils import Cache, DynamicLayer

    class SharedCache(Cache):
        blind = 0

    class SharedLayer(DynamicLayer):
        def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
            super().__init__()
            self.lazy_initialization(keys, values)
            # The longest run of blind keys is stored along; less of it is a view.
            self.keys, self.values = (
                torch.nn.functional.pad(part, (0, 0, KEY_STEP - 1, 0)) for part in (keys, values)
            )

        def update(
            self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
        ) -> tuple[torch.Tensor, torch.Tensor]:
            rows, skipped = key_states.shape[0], KEY_STEP - 1 - cache.blind
            keys = self.keys[:, :, skipped:].expand(rows, -1, -1, -1)
            values = self.values[:, :, skipped:].expand(rows, -1, -1, -1)
            return torch.cat([keys, key_states], dim=-2), torch.cat([values, value_states], dim=-2)

    cache = SharedCache(layers=[SharedLayer(layer.keys, layer.values) for layer in filled.layers])
    return cache


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or this machine ran out of memory (torch says it in several ways)."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in words or "can't allocate memory" in words
    )
