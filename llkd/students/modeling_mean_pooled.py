"""A text classifier: an encoder, the mean of its last hidden states, and a linear head.

Load it with ``pipeline("text-classification", FOLDER, trust_remote_code=True)``. No architecture of
transformers itself puts a head on that mean. Needs torch and transformers 5; older ones refuse it.
"""

from typing import Any

import torch
from transformers import CONFIG_MAPPING, MODEL_MAPPING, AutoModel, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

MODEL_TYPE = "bert"


class MeanPooledForSequenceClassification(PreTrainedModel):
    """Logits ``[b, C]`` of token ids and mask ``[b, t]``; other inputs are not read."""

    config_class = CONFIG_MAPPING[MODEL_TYPE]
    base_model_prefix = "student_encoder"
    _supports_sdpa = getattr(MODEL_MAPPING[config_class], "_supports_sdpa", False)

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.student_encoder = AutoModel.from_config(config)
        self.student_head = torch.nn.Linear(config.mean_pooled["size"], config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        return_dict: bool | None = None,
        **_: Any,
    ) -> Any:
        """Logits, and the loss where ``labels [b]`` are given."""
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        ids, mask = self.cut(input_ids, attention_mask)
        hidden = self.student_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        logits = self.student_head((hidden * weights).sum(dim=1) / weights.sum(dim=1))
        loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
        if return_dict is False:
            return (logits,) if loss is None else (loss, logits)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def cut(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows as in training: padded on the right, cut as the tokenizer cuts them there."""
        known = self.config.mean_pooled
        if ids.shape[1] == 0:  # an empty text, where the tokenizer has no special tokens
            ids = ids.new_full((ids.shape[0], 1), known["pad_id"])
            mask = torch.ones_like(ids)
        if bool((mask[:, 0] == 0).any()):
            order = mask.argsort(dim=1, descending=True, stable=True)
            ids, mask = ids.gather(1, order), mask.gather(1, order)
            empty = mask[:, 0] == 0
            mask[:, 0] = 1
            ids[:, 0] = torch.where(empty, known["pad_id"], ids[:, 0])
        longest = known["max_tokens"]
        if ids.shape[1] < longest:
            return ids, mask
        place = torch.arange(longest, device=ids.device)[None]
        many = mask.sum(dim=1, keepdim=True)
        # Of what is too long the end goes, or the beginning; the tokens set around a text stay.
        if known["truncation_side"] == "left":
            stay, after = len(known["before"]), []
        else:
            stay, after = longest - len(known["after"]), known["after"]
        source = torch.where(place < stay, place, place + (many - longest).clamp(min=0))
        ids, mask = ids.gather(1, source), mask.gather(1, source)
        if after:  # some programs cut these away, too
            ids[:, stay:] = torch.where(many >= longest, ids.new_tensor(after), ids[:, stay:])
        return ids, mask
