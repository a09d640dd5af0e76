"""Whether a loaded model is a causal language model: one that was trained to write on.

transformers gives any encoder a fresh head for writing when it is asked to; its labels would be
random, and nothing in the scores would tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llkd.errors import ModelError
from llkd.models.checks import check_loaded, check_vocabulary, reason

CHOOSE = "Choose a model that writes text, such as SmolLM2, Qwen or Llama."
TOLERANCE = 0.02
"""Of the spread of the logits; with the same shapes a causal model rounds alike."""
_OTHER_PURPOSE = re.compile(
    r"SequenceClassification|TokenClassification|QuestionAnswering|MultipleChoice|MaskedLM"
    r"|NextSentence|RewardModel|TextEncoding|ForEmbedding|EncoderModel"
)
_OTHER_HEAD = re.compile(
    r"(^|\.)(score|classifier|classification_head|qa_outputs|v_head|seq_relationship)\."
)


def check_kind(config: Any, name: str, who: str) -> None:
    """Refuse what is known from its files to be no causal language model. Raises ModelError."""
    from transformers import AutoModelForCausalLM

    if _is_sentence_encoder(name):
        raise ModelError(
            f"{who} is a sentence encoder (it has a modules.json), which writes nothing. {CHOOSE}"
        )
    architectures = " ".join(getattr(config, "architectures", None) or [])
    if config.is_encoder_decoder:
        raise ModelError(
            f"{who} is an encoder-decoder model ({architectures or config.model_type}). {CHOOSE}"
        )
    if _OTHER_PURPOSE.search(architectures):
        raise ModelError(f"{who} was saved for another purpose ({architectures}). {CHOOSE}")
    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise ModelError(
            f"{who} is of the kind {config.model_type!r}, which is no causal language model. "
            f"{CHOOSE}"
        )


def _is_sentence_encoder(name: str) -> bool:
    """Whether the folder or hub id holds the list of modules that sentence-transformers writes."""
    from transformers.utils import cached_file

    if Path(name).is_dir():
        return (Path(name) / "modules.json").is_file()
    quiet = {
        "_raise_exceptions_for_missing_entries": False,
        "_raise_exceptions_for_connection_errors": False,
        "_raise_exceptions_for_gated_repo": False,
    }
    return cached_file(name, "modules.json", **quiet) is not None


def check_decoder(model: Any, tokenizer: Any, info: Mapping[str, Any], who: str) -> None:
    """Refuse random weights, a foreign tokenizer, and a model that looks ahead.

    ``info`` is transformers' loading report. Raises ModelError.
    """
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelError(
            f"{who} holds no head for writing: of {type(model).__name__} it lacks "
            f"{missing[0]}{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}, which "
            f"would be random. {CHOOSE}"
        )
    check_loaded(info, who)
    heads = sorted(key for key in info["unexpected_keys"] if _OTHER_HEAD.search(key))
    if heads:
        raise ModelError(f"{who} was trained for another purpose: it holds {heads[0]}. {CHOOSE}")
    check_vocabulary(tokenizer, model, who)
    try:
        ahead = _looks_ahead(model, tokenizer)
    except Exception as error:  # whatever an architecture asks for and does not get
        raise ModelError(
            f"{who} ({model.config.model_type}) cannot read a plain text: {reason(error)} {CHOOSE}"
        ) from error
    if ahead:
        raise ModelError(
            f"{who} is no causal language model: its answer for a word changes with the words "
            f"after it ({type(model).__name__} was trained to fill gaps). {CHOOSE}"
        )


def _looks_ahead(model: Any, tokenizer: Any) -> bool:
    """Whether other words at the end change the logits before them."""
    import torch

    special = set(tokenizer.all_special_ids)
    words = sorted(set(tokenizer.get_vocab().values()) - special)
    first = [words[(3 + 7 * k) % len(words)] for k in range(8)]
    other = [*first[:5], *(words[(11 + 5 * k) % len(words)] for k in range(3))]
    with torch.inference_mode():
        ids = torch.tensor([first, other], device=model.device)
        logits = model(input_ids=ids, use_cache=False).logits[:, :5].float()
    if not logits.isfinite().all():
        raise ValueError("it gives values that are not numbers")
    spread = logits.std().clamp(min=1e-12)
    return bool((logits[0] - logits[1]).abs().max() / spread > TOLERANCE)
