"""Decoders of many kinds take the fast way, and give by it what their whole prompts give."""

import numpy as np
import pytest
import torch
import transformers

from llkd.teachers.local import scoring
from llkd.teachers.local.windows import attention_window
from tests.support.local_scores import TEXTS, all_scores, naive_scores, teacher_of
from tests.support.tiny_teacher import make_llama, seeded, small

GPT_NEO = {
    "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]],
    "vocab_size": 512, "hidden_size": 32, "max_position_embeddings": 1024,
    "initializer_range": 0.3,
}  # fmt: skip


def model_of(kind, window):
    """A small random model; ``window``: how far its limited layers look back."""
    sliding = ["sliding_attention", "full_attention"]
    if kind == "gpt_neo":
        config = transformers.GPTNeoConfig(**GPT_NEO, window_size=window)
        return seeded(transformers.GPTNeoForCausalLM, config)
    if kind == "bloom":
        config = transformers.BloomConfig(
            vocab_size=512, hidden_size=32, n_layer=2, n_head=4, initializer_range=0.3
        )
        return seeded(transformers.BloomForCausalLM, config)
    if kind == "mpt":
        config = transformers.MptConfig(
            vocab_size=512, d_model=32, n_layers=2, n_heads=4, max_seq_len=1024,
            initializer_range=0.3,
        )  # fmt: skip
        return seeded(transformers.MptForCausalLM, config)
    names, changes = {
        "gemma3": ("Gemma3TextConfig Gemma3ForCausalLM", {
            "head_dim": 8, "layer_types": sliding, "sliding_window": window,
        }),
        "gemma2": ("Gemma2Config Gemma2ForCausalLM", {
            "head_dim": 8, "layer_types": sliding, "sliding_window": window,
            "final_logit_softcapping": 3.0, "attn_logit_softcapping": 5.0,
        }),
        "mistral": ("MistralConfig MistralForCausalLM", {"sliding_window": window}),
        "qwen2": ("Qwen2Config Qwen2ForCausalLM", {
            "use_sliding_window": True, "sliding_window": window, "max_window_layers": 1,
        }),
        "cohere2": ("Cohere2Config Cohere2ForCausalLM", {
            "layer_types": sliding, "sliding_window": window, "logit_scale": 0.4,
        }),
        "granite": ("GraniteConfig GraniteForCausalLM", {
            "logits_scaling": 3.0, "embedding_multiplier": 2.0, "residual_multiplier": 0.7,
        }),
        "opt": ("OPTConfig OPTForCausalLM", {"ffn_dim": 64, "word_embed_proj_dim": 16}),
    }[kind]  # fmt: skip
    config, model = (getattr(transformers, name) for name in names.split())
    return seeded(model, small(config, **changes))


LIMITED = ["gemma3", "gemma2", "mistral", "qwen2", "cohere2"]


@pytest.fixture(scope="module")
def window(tokenizer):
    """Tokens that hold the whole prompt of the shorter texts, and not that of the longest."""
    encoder = teacher_of(make_llama(), tokenizer, max_text_tokens=60).encoder
    lengths = sorted(len(row) for row in encoder.encode(TEXTS))
    assert lengths[-1] > lengths[-2] + 3
    depth = max(map(len, encoder.answers)) - 1
    return len(encoder.prefix) + len(encoder.suffix) + depth + lengths[-2]


@pytest.mark.parametrize("kind", [*LIMITED, "granite", "opt", "bloom", "mpt"])
def test_the_fast_way_gives_what_whole_prompts_give(tokenizer, window, kind, monkeypatch):
    """In and beyond the window, in one batch; the labels are the same, too."""
    model = model_of(kind, window)
    teacher = teacher_of(model, tokenizer, max_text_tokens=60, batch_tokens=2000)
    scorer, rows = teacher.scorer, teacher.encoder.encode(TEXTS)
    assert scorer.fast
    assert attention_window(model.config) == (window if kind in LIMITED else None)
    plain = len(teacher.encoder.prefix) + 60
    slow = [k for k, row in enumerate(rows) if scorer.width(len(row)) > plain]
    assert slow == ([2] if kind in LIMITED else [])
    expected = naive_scores(teacher, model, TEXTS, "sum")
    scores = all_scores(teacher, TEXTS)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert (scores.argmax(axis=1) == expected.argmax(axis=1)).all()
    monkeypatch.setattr(scoring, "attention_window", lambda config: None)
    unlimited = all_scores(teacher_of(model, tokenizer, max_text_tokens=60), TEXTS)
    apart = np.abs(unlimited - expected)[2].max()
    assert (apart > 1e-3) == (kind in LIMITED)  # there the fast way would be wrong


@pytest.mark.parametrize(("kind", "looks_back"), [("gemma3", 20), ("gpt_neo", 80)])
def test_what_the_fast_way_cannot_read_is_read_whole(tokenizer, kind, looks_back):
    """A prompt longer than the window; layers that take padding for distance."""
    model = model_of(kind, looks_back)
    teacher = teacher_of(model, tokenizer, max_text_tokens=60)
    assert not teacher.scorer.fast
    expected = naive_scores(teacher, model, TEXTS, "sum")
    np.testing.assert_allclose(all_scores(teacher, TEXTS), expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["bloom", "mpt"])
def test_a_model_with_alibi_is_left_as_it_was(tokenizer, kind):
    """Its own biases are there again for whoever reads whole prompts with it."""
    model = model_of(kind, None)
    ids = torch.arange(1, 30)[None]
    with torch.inference_mode():
        before = model(ids).logits
        all_scores(teacher_of(model, tokenizer), TEXTS)
        assert torch.equal(model(ids).logits, before)
