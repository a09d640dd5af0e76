"""What must hold of any model that a folder or a hub gave: nothing random, a vocabulary that fits.

Shared by teachers and students. ``who`` is the model in a sentence: "The teacher 'x'".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llkd.errors import ModelError

NO_LIMIT = 1_000_000
"""From here on a stated longest input only says that there is no limit."""
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def check_loaded(info: Mapping[str, Any], who: str, unused: str | None = None) -> None:
    """Refuse a model some of whose weights the files did not hold: they would be random.

    ``info`` is transformers' loading report; weights with ``unused`` in their name may be missing.
    Raises ModelError.
    """
    missing = sorted(name for name in info["missing_keys"] if unused is None or unused not in name)
    if missing:
        raise ModelError(
            f"{who} lacks {len(missing)} of its weights (the first is {missing[0]}), so they would "
            "be random. Choose a model that was saved whole and for this purpose."
        )
    other = sorted(str(entry[0]) for entry in info["mismatched_keys"])
    if other:
        raise ModelError(
            f"{who} holds {len(other)} weights of another shape than its config.json says (the "
            f"first is {other[0]}), so they would be random. Choose a model that was saved whole."
        )


def check_vocabulary(tokenizer: Any, model: Any, who: str) -> None:
    """Refuse a tokenizer that knows no words, or more than the model has embeddings for.

    transformers makes an empty tokenizer where a folder holds none; every word is then unknown.
    """
    added = set(tokenizer.added_tokens_decoder)
    vocabulary = tokenizer.get_vocab()
    if sum(number not in added for number in vocabulary.values()) < 2:
        raise ModelError(
            f"{who} has no tokenizer files (such as tokenizer.json or vocab.txt), so every word "
            "would be unknown to it. Save its tokenizer into the same folder."
        )
    try:
        rows = getattr(model.get_input_embeddings(), "num_embeddings", None)
    except NotImplementedError:
        rows = None  # no table of words: characters, images or sound
    highest = max(*vocabulary.values(), tokenizer.pad_token_id or 0)
    if rows is not None and highest >= rows:
        raise ModelError(
            f"{who} has a tokenizer that does not belong to it: token {highest} is in use, and the "
            f"model knows {rows:,}. Save the tokenizer that it was trained with into its folder."
        )


def position_limit(model: Any) -> int | None:
    """The longest input that the model has positions for; None where nothing limits it.

    RoBERTa and its kin count positions from behind the padding token's number, which takes so many
    off the table.
    """
    config = model.config.get_text_config()
    stated = getattr(config, "max_position_embeddings", None)
    limits = [int(stated)] if isinstance(stated, int) and 0 < stated < NO_LIMIT else []
    for name, module in model.named_modules():
        padding = getattr(module, "padding_idx", None)
        weight = getattr(module, "weight", None)
        if name.endswith("position_embeddings") and padding is not None and weight is not None:
            limits.append(int(weight.shape[0]) - int(padding) - 1)
    return min(limits, default=None)


def reason(error: BaseException) -> str:
    """The first line of what went wrong, as a sentence without a terminal's escape codes."""
    text = _ESCAPES.sub("", str(error))
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = line or type(error).__name__
    return line if line.endswith((".", "!", "?")) else line + "."
