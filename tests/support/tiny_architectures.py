"""Models of many architectures, small and random, in folders as transformers saves them."""

from tests.support.tiny_student import make_tokenizer

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
    "initializer_range": 0.2,
    "pad_token_id": 0,
}
_GPT = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 40}
_XLM = {"emb_dim": 32, "n_layers": 2, "n_heads": 2, "pad_index": 0}
_SEQ2SEQ = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
}  # fmt: skip
_T5 = {"d_model": 32, "d_kv": 16, "num_heads": 2, "num_layers": 2, "d_ff": 64}
_HEADS = {"num_key_value_heads": 1, "head_dim": 16}
# What an architecture calls its sizes, or needs besides; None takes a common size out.
OWN = {
    "albert": {"embedding_size": 16},
    "bart": _SEQ2SEQ,
    "bloom": {"n_layer": 2, "n_head": 2},
    "ctrl": {**_GPT, "dff": 64},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "electra": {"embedding_size": 32},
    "flaubert": _XLM,
    "gemma3_text": _HEADS,
    "gpt2": _GPT,
    "lilt": {"hidden_size": 48, "channel_shrink_ratio": 4},
    "longformer": {"attention_window": 8},
    "mobilebert": {"embedding_size": 32, "intra_bottleneck_size": 16},
    "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 2, "max_seq_len": 40, "expansion_ratio": 2},
    "mra": {"max_position_embeddings": 32},
    "openai-gpt": _GPT,
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32},
    "qwen3": _HEADS,
    "reformer": {
        "attention_head_size": 16, "axial_pos_shape": [4, 10], "axial_pos_embds_dim": [16, 16],
        "feed_forward_size": 64, "num_buckets": 4, "attn_layers": ["local", "lsh"],
    },
    "rembert": {"input_embedding_size": 32, "output_embedding_size": 32},
    "squeezebert": {
        "embedding_size": 32, "q_groups": 1, "k_groups": 1, "v_groups": 1,
        "post_attention_groups": 1, "intermediate_groups": 1, "output_groups": 1,
    },
    "t5": _T5,
    "umt5": _T5,
    "whisper": _SEQ2SEQ,
    "xglm": {"d_model": 32, "num_layers": 2, "attention_heads": 2, "ffn_dim": 64},
    "xlm": _XLM,
    "xlnet": {
        "d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64, "max_position_embeddings": None,
    },
}  # fmt: skip


def make_model(kind, folder, tokenizer=None, head="AutoModel", **changes):
    """Write a model of ``kind`` with seeded random weights, and its tokenizer; returns both."""
    import torch
    import transformers

    tokenizer = tokenizer or make_tokenizer()
    sizes = {"vocab_size": len(tokenizer), "n_words": len(tokenizer), **SIZES}
    settings = {**sizes, **OWN.get(kind, {}), **changes}
    settings = {name: value for name, value in settings.items() if value is not None}
    config = transformers.CONFIG_MAPPING[kind](**settings)
    kinds = getattr(transformers, head)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = kinds.from_config(config) if head.startswith("Auto") else kinds(config)
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model, tokenizer
