"""Whether an encoder can be a student: it reads texts, and a text's answer is its own.

Tried on a few made-up rows before anything is trained, because no name or setting tells it: some
architectures let padding change what they say of a text, or answer differently each time.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from llkd.errors import ModelError
from llkd.models.checks import NO_LIMIT, position_limit, reason
from llkd.students.encoding import Encoded

if TYPE_CHECKING:
    import torch

LONGEST_TRIAL = 1024
"""Tokens; a longer input costs more than the trial is worth."""
PADDED_TRIAL = 48
SMALLEST = 4
TOLERANCE = 1e-3
"""Of a pooled vector's length; rounding is a thousand times less, the least leak found 20 times."""
OTHER_INPUTS = {"pixel_values", "input_values", "input_features", "image", "inputs"}
CHOOSE = "Choose an encoder such as BERT, RoBERTa, DistilBERT, MiniLM or ModernBERT."


def check_kind(config: Any, who: str) -> None:
    """Refuse what is known from its settings to be no encoder of texts. Raises ModelError."""
    architectures = " ".join(getattr(config, "architectures", None) or [])
    if architectures.endswith("EncoderModel") and not config.model_type.endswith("encoder"):
        raise ModelError(
            f"{who} is the encoder alone of an encoder-decoder model ({architectures}), which "
            f"transformers loads only together with its decoder. {CHOOSE}"
        )
    if config.is_encoder_decoder:
        raise ModelError(f"{who} is an encoder-decoder model. {CHOOSE}")


def usable_length(
    encoder: Any, tokenizer: Any, who: str, wanted: int, trained: bool = False
) -> tuple[int, int]:
    """The longest input in tokens (at most what the model takes), and the size of its vectors.

    Tried in evaluation mode on the CPU, up to ``wanted`` tokens. Raises ModelError where the
    encoder takes no texts and, unless it is ``trained`` already (version 0.3 did not look), where
    padding or the batch changes its answer or where it answers differently when asked again.
    """
    inputs = set(inspect.signature(encoder.forward).parameters)
    if "input_ids" not in inputs or inputs & OTHER_INPUTS:
        raise ModelError(
            f"{who} ({encoder.config.model_type}) is made for images or sound, not for texts "
            f"alone. {CHOOSE}"
        )
    limit = token_limit(encoder, tokenizer)
    trial = _Trial(encoder, tokenizer, who)
    longest = min(wanted, limit, LONGEST_TRIAL)
    size = trial.check(min(longest, PADDED_TRIAL), trained)
    if longest > PADDED_TRIAL and not trial.reads(longest):
        limit = trial.longest_read(PADDED_TRIAL, longest)
    return limit, size


def token_limit(encoder: Any, tokenizer: Any) -> int:
    """The longest input, special tokens included: what tokenizer and positions both allow."""
    limits = [int(tokenizer.model_max_length), position_limit(encoder) or NO_LIMIT]
    return max(SMALLEST, min(limits))


class _Trial:
    def __init__(self, encoder: Any, tokenizer: Any, who: str) -> None:
        self._encoder, self._who = encoder, who
        self._pad = int(tokenizer.pad_token_id)
        special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
        words = sorted(set(tokenizer.get_vocab().values()) - special)
        self._words = np.array(words, dtype=np.int32)

    def check(self, longest: int, trained: bool) -> int:
        """Rows of three lengths, together and alone; returns the size of the vectors."""
        import torch

        lengths = [longest, max(2, longest // 2), 3]
        rows = [self._row(n, k) for k, n in enumerate(lengths)]
        try:
            together = self._pooled(rows)
            again = self._pooled(rows)
            alone = torch.cat([self._pooled([row]) for row in rows])
            if trained:
                return int(together.shape[1])
            # Some take other lengths in training than afterwards.
            self._encoder.train()
            self._pooled(rows)
        except ModelError:
            raise
        except Exception as error:  # whatever an architecture asks for and does not get
            raise ModelError(
                f"{self._who} ({self._encoder.config.model_type}) cannot read texts as a student: "
                f"{reason(error)} {CHOOSE}"
            ) from error
        finally:
            self._encoder.eval()
        if not together.isfinite().all():
            raise ModelError(f"{self._who} gives values that are not numbers. {CHOOSE}")
        scale = alone.norm(dim=1).clamp(min=1e-12)
        if ((together - again).norm(dim=1) / scale).max() > TOLERANCE:
            raise ModelError(
                f"{self._who} ({self._encoder.config.model_type}) answers differently when it is "
                f"asked again. {CHOOSE}"
            )
        if ((together - alone).norm(dim=1) / scale).max() > TOLERANCE:
            raise ModelError(
                f"{self._who} ({self._encoder.config.model_type}) lets padding change its answer: "
                f"the same text would get other probabilities in another batch. {CHOOSE}"
            )
        return int(together.shape[1])

    def reads(self, length: int) -> bool:
        """Whether one row of so many tokens is read."""
        try:
            self._pooled([self._row(length, 0)])
        except (IndexError, RuntimeError, ValueError):
            return False
        return True

    def longest_read(self, least: int, most: int) -> int:
        """The longest row that is read: ``least`` tokens are, ``most`` are not."""
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (middle, most) if self.reads(middle) else (least, middle)
        return least

    def _row(self, length: int, start: int) -> np.ndarray:
        return self._words[(start + 7 * np.arange(length)) % len(self._words)]

    def _pooled(self, rows: list[np.ndarray]) -> torch.Tensor:
        import torch

        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        encoded = Encoded(np.concatenate(rows), offsets)
        ids, mask = (torch.from_numpy(a) for a in encoded.padded(range(len(rows)), self._pad))
        with torch.inference_mode():
            output = self._encoder(input_ids=ids, attention_mask=mask)
        hidden = getattr(output, "last_hidden_state", None)
        if hidden is None or hidden.shape[:2] != ids.shape:
            raise ModelError(
                f"{self._who} ({self._encoder.config.model_type}) gives no vector for each token, "
                f"whose mean a student is made of. {CHOOSE}"
            )
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
