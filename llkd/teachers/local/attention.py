"""Attention for short rows on a CPU in bfloat16, where torch's own kernel is the slow one.

Measured on a processor with native bfloat16 products: torch's fused kernel takes a fifth of the
whole labelling time; two plain matrix products over all query heads of a key head take half of
that. Long rows and everything this function does not know go to torch's kernel.
"""

from __future__ import annotations

from typing import Any

NAME = "llkd_grouped"
LONGEST_ROW = 512


def use_grouped_attention(model: Any) -> bool:
    """Switch a model to grouped attention; False where the model does not let itself be switched.

    The caller checks the scores afterwards (``LabelScorer`` compares two ways of computing them).
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    if getattr(model.config, "_attn_implementation", None) != "sdpa":
        return False
    AttentionInterface.register(NAME, grouped_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    try:
        model.set_attn_implementation(NAME)
    except (ValueError, AttributeError, ImportError):
        return False
    return True


def grouped_attention(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    **rest: Any,
) -> tuple[Any, None]:
    """Softmax attention; shapes as transformers' attention functions.

    ``query`` [b, heads, L, d], ``key`` and ``value`` [b, key heads, S, d], additive
    ``attention_mask`` [b, 1, L, S]; returns ([b, L, heads, d], None).
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    batch, heads, length, width = query.shape
    supported = {"position_ids", "sliding_window", "use_cache", "is_causal", "cache_position"}
    unknown = [name for name in rest.keys() - supported if rest[name] is not None]
    if (
        attention_mask is None
        or attention_mask.dtype == torch.bool
        or attention_mask.shape[1] != 1
        or length > LONGEST_ROW
        or dropout
        or unknown
    ):
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **rest
        )
    groups = key.shape[1]
    scale = width**-0.5 if scaling is None else scaling
    rows = (query * scale).reshape(batch, groups, heads // groups * length, width)
    scores = torch.matmul(rows, key.transpose(2, 3))
    by_head = scores.view(batch, groups, heads // groups, length, key.shape[2])
    weights = by_head.add_(attention_mask[:, :, None]).softmax(-1)
    mixed = torch.matmul(weights.view(scores.shape), value)
    mixed = mixed.view(batch, heads, length, value.shape[3])
    return mixed.transpose(1, 2).contiguous(), None
