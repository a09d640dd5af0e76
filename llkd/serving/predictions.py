"""The plain wire format: ``POST /predict``, texts in, labels with their probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import model_validator

from llkd.serving.questions import Reply
from llkd.serving.wire import Wire


class PredictRequest(Wire):
    """One ``text``, or a list of ``texts``."""

    text: str | None = None
    texts: list[str] | None = None

    @model_validator(mode="after")
    def _has_texts(self) -> PredictRequest:
        if (self.text is None) == (self.texts is None):
            raise ValueError("give text, or a list of texts")
        return self

    @property
    def all(self) -> list[str]:
        """The texts."""
        return [self.text] if self.text is not None else list(self.texts or ())


def predictions_document(
    classes: Sequence[str], replies: Sequence[Reply], model: str
) -> dict[str, Any]:
    """The body of the reply: for each text its label, confidence and probabilities by class."""
    predictions = []
    for reply in replies:
        best = reply.best
        entry: dict[str, Any] = {
            "label": classes[best],
            "confidence": float(reply.probabilities[best]),
            "probabilities": dict(zip(classes, reply.probabilities.tolist(), strict=True)),
        }
        if reply.answered_by:
            entry["answered_by"] = reply.answered_by
        predictions.append(entry)
    return {
        "model": model,
        "predictions": predictions,
        "usage": {"input_tokens": sum(reply.tokens for reply in replies)},
    }
