"""What an architecture does to logits behind its last matrix: a factor, a soft limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def final_logits(model: Any, logits: torch.Tensor) -> torch.Tensor:
    """The logits that the model itself would give, from those of its output matrix.

    Granite divides them, Cohere multiplies them, Gemma 2 bends them to a limit. What else an
    architecture may do shows where scores are compared with the model's own (``LabelScorer``).
    """
    config = model.config.get_text_config(decoder=True)
    divisor, factor = (getattr(config, name, None) for name in ("logits_scaling", "logit_scale"))
    limit = getattr(config, "final_logit_softcapping", None)
    if divisor is not None:
        logits = logits / divisor
    if factor is not None:
        logits = logits * factor
    return logits if limit is None else limit * (logits / limit).tanh()
