"""The student itself: predict, embed, save. ``n`` texts, ``C`` classes, ``d`` dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from llkd.selection import signals
from llkd.selection.signals import Floats
from llkd.students.encoder_checks import token_limit
from llkd.students.encoding import Encoded, tokenise
from llkd.students.hardware import free_memory, out_of_memory, uses_bf16

if TYPE_CHECKING:
    import torch

DROPOUT = 0.1

OnBatch = Callable[[int], None]


class Student:
    """A network (``encoder`` and ``head``), its tokenizer, and what the classes are called.

    ``precision`` is ``auto``, ``fp32`` or ``bf16``; ``auto`` takes bf16 where the processor
    multiplies faster in it. ``max_tokens`` is cut to what the encoder can take.
    """

    def __init__(
        self,
        network: torch.nn.ModuleDict,
        tokenizer: Any,
        class_names: Sequence[str],
        max_tokens: int,
        precision: str = "auto",
        limit: int | None = None,
    ) -> None:
        """``limit``: the longest input that the encoder takes, in tokens."""
        self.limit = token_limit(network["encoder"], tokenizer) if limit is None else limit
        self.network = network
        self.tokenizer = tokenizer
        self.class_names = list(class_names)
        self.precision = precision
        self.set_max_tokens(max_tokens)

    def set_max_tokens(self, wanted: int) -> None:
        """Cut texts to ``wanted`` tokens, or to the encoder's limit where that is less."""
        self.max_tokens = min(wanted, self.limit)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network["head"].parameters()).device

    def autocast(self) -> AbstractContextManager[Any]:
        """The arithmetic of a forward pass; the weights themselves stay fp32."""
        import torch

        if uses_bf16(self.precision, self.device.type):
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Tokenise once, cut to ``max_tokens``."""
        return tokenise(self.tokenizer, texts, self.max_tokens)

    def _on_device(self, values: npt.NDArray[Any]) -> torch.Tensor:
        """On the student's device; to a GPU from pinned memory, without waiting for it."""
        import torch

        tensor = torch.from_numpy(values)
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def pooled(self, encoded: Encoded, positions: npt.ArrayLike) -> torch.Tensor:
        """Mean of the last hidden states over each text's tokens, ``[b, d]`` float32."""
        ids, mask = encoded.padded(positions, self.tokenizer.pad_token_id)
        token_mask = self._on_device(mask)
        with self.autocast():
            hidden = self.network["encoder"](
                input_ids=self._on_device(ids), attention_mask=token_mask
            ).last_hidden_state.float()
        weights = token_mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)

    def logits(self, encoded: Encoded, positions: npt.ArrayLike) -> torch.Tensor:
        """Class logits ``[b, C]`` float32 in the network's present mode (training or not)."""
        import torch

        pooled = self.pooled(encoded, positions)
        dropped = torch.nn.functional.dropout(pooled, DROPOUT, self.network.training)
        # The head is too small for bf16 to pay, and rounded logits would blur the entropy.
        with torch.autocast(self.device.type, enabled=False):
            return self.network["head"](dropped)

    def probabilities(
        self,
        texts: Sequence[str] | Encoded,
        batch_size: int = 64,
        on_batch: OnBatch | None = None,
    ) -> Floats:
        """Class probabilities ``[n, C]`` in evaluation mode; ``on_batch`` hears texts done."""
        logits = self.class_logits(texts, batch_size, on_batch)
        return signals.softmax(logits) if len(logits) else logits

    def class_logits(
        self,
        texts: Sequence[str] | Encoded,
        batch_size: int = 64,
        on_batch: OnBatch | None = None,
    ) -> Floats:
        """Class logits ``[n, C]`` in evaluation mode."""
        encoded = texts if isinstance(texts, Encoded) else self.encode(texts)
        logits = np.empty((len(encoded), len(self.class_names)))
        self._infer(encoded, self.logits, logits, batch_size, on_batch)
        return logits

    def pooled_vectors(
        self,
        texts: Sequence[str] | Encoded,
        batch_size: int = 64,
        on_batch: OnBatch | None = None,
    ) -> npt.NDArray[np.float32]:
        """What the head sees of each text, ``[n, d]`` float32, in evaluation mode."""
        encoded = texts if isinstance(texts, Encoded) else self.encode(texts)
        head: Any = self.network["head"]
        vectors = np.empty((len(encoded), head.in_features), dtype=np.float32)
        self._infer(encoded, self.pooled, vectors, batch_size, on_batch)
        return vectors

    def embed(
        self,
        texts: Sequence[str] | Encoded,
        batch_size: int = 64,
        on_batch: OnBatch | None = None,
    ) -> npt.NDArray[np.float32]:
        """Mean-pooled embeddings ``[n, d]``, float32, each of length 1."""
        vectors = self.pooled_vectors(texts, batch_size, on_batch)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(lengths, np.float32(1e-12))

    def _infer(
        self,
        encoded: Encoded,
        forward: Callable[[Encoded, npt.ArrayLike], torch.Tensor],
        result: npt.NDArray[Any],
        batch_size: int,
        on_batch: OnBatch | None,
    ) -> None:
        """Fill ``result`` with ``forward`` of all texts; similar lengths share a batch."""
        import torch

        order = np.argsort(-encoded.lengths, kind="stable")
        training = self.network.training
        self.network.eval()
        finished = 0
        try:
            # One context around all batches: within it each weight is cast to bf16 only once.
            with torch.inference_mode(), self.autocast():
                while finished < len(order):
                    places = order[finished : finished + batch_size]
                    try:
                        result[places] = forward(encoded, places).cpu().numpy()
                    except (MemoryError, RuntimeError) as error:
                        if not out_of_memory(error) or len(places) == 1:
                            raise
                        batch_size, places = len(places) // 2, places[:0]
                    if not len(places):
                        # Not in the handler: it would keep the failed try's tensors alive.
                        free_memory(self.device.type)
                        continue
                    finished += len(places)
                    if on_batch is not None:
                        on_batch(finished)
        finally:
            self.network.train(training)

    def save(self, folder: str | Path) -> None:
        """Write a folder that other programs load, too; see :mod:`llkd.students.saving`."""
        from llkd.students.saving import save_student

        save_student(self, Path(folder))
