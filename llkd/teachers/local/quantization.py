"""Weights of 8 and 4 bits, so that a large teacher fits into a small memory (bitsandbytes)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llkd.config import TeacherConfig

if TYPE_CHECKING:
    import torch

_BITS = {"int8": 8, "nf4": 4}


def is_quantized(config: TeacherConfig) -> bool:
    """Whether the weights are to be loaded in 8 or 4 bits."""
    return config.precision in _BITS


def quantization(config: TeacherConfig, dtype: torch.dtype, device: str) -> dict[str, Any]:
    """What ``from_pretrained`` is told; nothing for weights as they are.

    ``int8`` is LLM.int8() (Dettmers et al. 2022, arXiv 2208.07339), ``nf4`` the 4-bit NormalFloat
    of QLoRA (Dettmers et al. 2023, arXiv 2305.14314), its constants quantised once more. Products
    are in ``dtype``. The language model's head stays as it is.
    """
    if not is_quantized(config):
        return {}
    from transformers import BitsAndBytesConfig

    if _BITS[config.precision] == 8:
        settings = BitsAndBytesConfig(load_in_8bit=True)
    else:
        settings = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    return {"quantization_config": settings, "device_map": {"": device}}
