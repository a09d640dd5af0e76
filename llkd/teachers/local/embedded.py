"""The default teacher: SmolLM2-135M-Instruct, its weights carried by an installed package.

The package holds a quantised GGUF file. It is converted once to bfloat16 safetensors in the cache
(a few seconds) and loaded from there like any other model. The conversion reads the file with
``gguf`` alone: transformers' own GGUF loader asks for one more package (accelerate).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ModelError
from llkd.models import sources
from llkd.teachers.base import NO_EXAMPLES, FewShot
from llkd.teachers.local.teacher import LocalTeacher, load_causal_model

# llama.cpp's names of a Llama layer's tensors and transformers' names of the same.
LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def embedded_teacher(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot = NO_EXAMPLES
) -> LocalTeacher:
    """The teacher ``embedded``. Raises ModelError where its package or weights are not right."""
    weights = sources.EMBEDDED_TEACHER
    folder = sources.converted(weights, convert_gguf, home)
    try:
        model, tokenizer = load_causal_model(str(folder), config)
    except ModelError as error:
        raise ModelError(f"{error} Delete {folder} and start again: it is made anew.") from error
    identity = {"model": weights.name, "sha256": weights.sha256}
    return LocalTeacher(model, tokenizer, labels, config, identity=identity, examples=examples)


def convert_gguf(source: Path, folder: Path) -> None:
    """Write a Llama GGUF file as a transformers folder: bfloat16 weights, settings, tokenizer.

    Q4_1 stores each weight as scale * q + offset; bfloat16 keeps those products to one part in
    256, finer than the 16 steps of q.
    """
    import torch
    from gguf import GGUFReader, dequantize
    from safetensors.torch import save_file
    from transformers import AutoTokenizer

    reader = GGUFReader(source)
    settings = {name: field.contents() for name, field in reader.fields.items()}
    heads = {
        "attn_q": settings["llama.attention.head_count"],
        "attn_k": settings["llama.attention.head_count_kv"],
    }
    tensors = {}
    for tensor in reader.tensors:
        weight = torch.tensor(dequantize(tensor.data, tensor.tensor_type))
        name, part = _tensor_name(tensor.name)
        if part in heads:
            weight = _half_rotated(weight, heads[part])
        tensors[name] = weight.to(torch.bfloat16).contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    _llama_config(settings).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(
        source.parent, gguf_file=source.name, trust_remote_code=False
    )
    tokenizer.save_pretrained(folder)


def _tensor_name(name: str) -> tuple[str, str]:
    """Transformers' name of a GGUF tensor, and which part of a layer it is."""
    whole = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    }
    if name in whole:
        return whole[name], ""
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{LAYER_NAMES[part]}.{kind}", part


def _half_rotated(weight: Any, heads: int) -> Any:
    """Reorder a head's rows: GGUF rotates neighbouring pairs, transformers the two halves."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, -1)


def _llama_config(settings: dict[str, Any]) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=settings["llama.vocab_size"],
        hidden_size=settings["llama.embedding_length"],
        intermediate_size=settings["llama.feed_forward_length"],
        num_hidden_layers=settings["llama.block_count"],
        num_attention_heads=settings["llama.attention.head_count"],
        num_key_value_heads=settings["llama.attention.head_count_kv"],
        max_position_embeddings=settings["llama.context_length"],
        rms_norm_eps=settings["llama.attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": settings["llama.rope.freq_base"]},
        bos_token_id=settings["tokenizer.ggml.bos_token_id"],
        eos_token_id=settings["tokenizer.ggml.eos_token_id"],
        pad_token_id=settings["tokenizer.ggml.padding_token_id"],
        tie_word_embeddings=True,
        dtype="bfloat16",
    )
