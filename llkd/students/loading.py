"""From a spec (``embedded``, a folder, a hub id) or a saved folder to a student."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llkd.errors import DataError, ModelError, NotFound
from llkd.models.checks import check_loaded, check_vocabulary, reason
from llkd.students.encoder_checks import check_kind, usable_length
from llkd.students.saving import ABOUT, read_head
from llkd.students.student import Student

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


def student_folder(spec: str) -> str:
    """The folder or hub id that ``spec`` means; ``embedded`` is the model that comes along.

    Raises NotFound for a path that is no folder, ModelError for a folder without safetensors.
    """
    from llkd.models import safe_loading, sources

    if spec == "embedded":
        return str(sources.embedded_student_folder())
    folder = Path(spec).expanduser()
    if folder.is_dir():
        safe_loading.check_weights(folder)
        return str(folder)
    if folder.exists() or not HUB_ID.fullmatch(spec):
        raise NotFound(
            f"There is no student folder {spec!r}. Give 'embedded', a folder with config.json and "
            "model.safetensors, or a hub id such as 'owner/name'."
        )
    return spec


def load_student(
    spec: str,
    class_names: Sequence[str],
    seed: int,
    max_tokens: int = 64,
    precision: str = "auto",
    device: str | None = None,
) -> Student:
    """A student with the encoder of ``spec`` and a fresh head drawn from ``seed``, to be trained.

    ``spec`` is ``embedded``, a folder or a hub id. Raises NotFound or ModelError with the reason;
    a model whose answers would depend on padding or chance is refused here, before any training.
    """
    return _assemble(spec, class_names, seed, max_tokens, precision, device)


def _assemble(
    spec: str,
    class_names: Sequence[str],
    seed: int,
    max_tokens: int,
    precision: str,
    device: str | None,
    trained: bool = False,
) -> Student:
    import torch

    from llkd.models import devices

    if len(class_names) < 2:
        raise DataError(f"A student needs at least two classes, but there are {len(class_names)}.")
    devices.use_available_threads()
    with torch.random.fork_rng(devices=[]):
        # An encoder's own missing parts (a pooler that nobody saved) come from the seed, too.
        torch.manual_seed(seed)
        encoder, tokenizer = _load_encoder(student_folder(spec), spec)
        limit, size = usable_length(
            encoder, tokenizer, f"The student {spec!r}", max_tokens, trained
        )
        torch.manual_seed(seed)
        head = torch.nn.Linear(size, len(class_names))
        torch.nn.init.normal_(head.weight, std=0.02)
        torch.nn.init.zeros_(head.bias)
    network = torch.nn.ModuleDict({"encoder": encoder, "head": head})
    network.to(device or devices.choose_device()).eval()
    return Student(network, tokenizer, class_names, max_tokens, precision, limit)


def load_saved(folder: str | Path, precision: str = "auto", device: str | None = None) -> Student:
    """The student that :meth:`Student.save` wrote. Raises NotFound or ModelError."""
    from safetensors import SafetensorError

    source = Path(folder)
    if not (source / ABOUT).is_file():
        raise NotFound(f"There is no saved student in {str(source)!r}: {ABOUT} is missing.")
    try:
        about = json.loads((source / ABOUT).read_text("utf-8"))
        names, max_tokens = list(about["class_names"]), int(about["max_tokens"])
        head = read_head(source)
        student = _assemble(str(source), names, 0, max_tokens, precision, device, trained=True)
        student.network["head"].load_state_dict(head)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"The saved student in {str(source)!r} cannot be read: {reason(error)}"
        ) from error
    return student


def _load_encoder(folder: str, spec: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    from llkd.models.safe_loading import no_pickle

    # A bar for reading one file, and a table of weights, would only clutter a job's log.
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    who = f"The student {spec!r}"
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        check_kind(config, who)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        with no_pickle():
            encoder, info = AutoModel.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except ModelError:
        raise
    except Exception as error:  # anything a foreign folder can hold
        raise ModelError(
            f"{who} could not be loaded: {reason(error)} Give 'embedded', a folder with "
            "safetensors weights and a tokenizer, or the id of a model on the hub."
        ) from error
    # A pooler is not used here and often not saved; any other gap would train on noise.
    check_loaded(info, who, unused="pooler")
    check_vocabulary(tokenizer, encoder, who)
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            raise ModelError(f"The tokenizer of the student {spec!r} has no padding token.")
        tokenizer.pad_token = tokenizer.eos_token
    return encoder.eval(), tokenizer
