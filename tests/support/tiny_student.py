"""A two-layer BERT with a WordPiece tokenizer of a few words, and toy texts it can learn."""

import numpy as np

WORDS = {
    "sports": ["goal", "match", "team", "coach", "league", "score"],
    "money": ["stock", "market", "bank", "price", "trade", "profit"],
}
FILLER = ["the", "a", "new", "today", "about", "with", "more", "one"]
CLASSES = list(WORDS)


def make_tokenizer(limit=32):
    """A WordPiece tokenizer of the words above."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = special + [word for group in WORDS.values() for word in group] + FILLER
    tokenizer = Tokenizer(
        models.WordPiece({word: k for k, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=limit,
    )


def make_encoder(folder, seed=0):
    """Write config, weights and tokenizer into ``folder``; returns it as text."""
    import torch
    from transformers import BertConfig, BertModel

    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        initializer_range=0.2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(folder)
    return str(folder)


def toy_texts(n, seed=0):
    """``n`` texts of 3 to 12 words and their true class: a third of the words give it away."""
    rng = np.random.default_rng(seed)
    gold = np.arange(n) % len(CLASSES)
    texts = []
    for k in gold:
        length = int(rng.integers(3, 13))
        telling = max(1, length // 3)
        words = list(rng.choice(WORDS[CLASSES[k]], telling)) + list(
            rng.choice(FILLER, length - telling)
        )
        texts.append(" ".join(rng.permutation(words)))
    return texts, gold.astype(np.int64)


def teacher_for(gold, seed=0, sure=(0.6, 0.99), wrong=0.0):
    """Teacher probabilities ``[n, 2]`` that name the gold class, but for a share ``wrong``."""
    rng = np.random.default_rng(seed)
    top = rng.uniform(*sure, len(gold))
    label = np.where(rng.random(len(gold)) < wrong, 1 - gold, gold)
    probs = np.empty((len(gold), 2))
    probs[np.arange(len(gold)), label] = top
    probs[np.arange(len(gold)), 1 - label] = 1 - top
    return probs
