"""A language model and tokenizers small enough to be made in the test."""

LINES = [
    "Read the text and decide which of these categories it belongs to.",
    "Categories: Text: Category: Answer: credit cards credit world sports small talk",
    "the cat sat on the mat and the dog ran home after the match was won",
    "a credit card was charged twice at the kitchen and dining shop, world record",
]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_tokenizer(template=None):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=template,
    )


def make_llama(**changes):
    from transformers import LlamaConfig, LlamaForCausalLM

    return seeded(LlamaForCausalLM, small(LlamaConfig, **changes))


def small(kind, **changes):
    sizes = {
        "vocab_size": 512,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "initializer_range": 0.3,
    }
    return kind(**{**sizes, **changes})


def seeded(kind, config):
    """A model with random weights, without a change to the global random state."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(config).eval()
