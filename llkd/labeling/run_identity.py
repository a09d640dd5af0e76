"""The name of a labelling run: what asks and which classes there are."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from llkd.config import LabelSet


def run_fingerprint(description: dict[str, Any], label_set: LabelSet) -> str:
    """The name of the pass of a teacher that describes itself so, with these classes."""
    facts = {"teacher": description, "labels": label_set.prompt_document()}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
