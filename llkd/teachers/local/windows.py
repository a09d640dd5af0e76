"""How far back the layers of a decoder look, where not all of them look at everything."""

from __future__ import annotations

from typing import Any


def attention_window(config: Any) -> int | None:
    """The longest prompt in tokens within which every layer sees all before; None for any.

    By what the layers keep of the past: sliding windows (Gemma 3, Mistral) or chunks (Llama 4).
    Raises ValueError for layers that keep something else than keys and values, and for GPT-Neo's
    local ones, which count places, also those of padding, where others count positions.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    if "local" in (getattr(config, "attention_layers", None) or []):
        raise ValueError("its local layers count places")
    layers = DynamicCache(config=config).layers
    if any(type(layer) not in {DynamicLayer, DynamicSlidingWindowLayer} for layer in layers):
        raise ValueError("its layers keep something else than all keys and values")
    windows = [
        int(layer.sliding_window)
        for layer in layers
        if isinstance(layer, DynamicSlidingWindowLayer)
    ]
    return min(windows, default=None)
