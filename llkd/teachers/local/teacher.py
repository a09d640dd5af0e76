"""Any causal language model, a folder or a hub id, as a teacher on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from llkd.config import LabelSet, Precision, TeacherConfig
from llkd.errors import ModelError
from llkd.installation import require
from llkd.models import devices, safe_loading, sources
from llkd.models.checks import position_limit, reason
from llkd.teachers.base import CONTENT_FREE, NO_EXAMPLES, Example, FewShot, Floats, ScoredBatch
from llkd.teachers.local.answer_tree import AnswerTree
from llkd.teachers.local.batch_size import FACTORS, BatchSizer
from llkd.teachers.local.quantization import is_quantized, quantization
from llkd.teachers.local.scoring import LabelScorer, is_out_of_memory
from llkd.teachers.local.tokens import fitting_encoder

if TYPE_CHECKING:
    import torch

# Tokens in a batch: enough to keep the device busy, few enough to stay in a CPU's caches.
# A CPU is offered at most twice as many: a lucky moment would let a larger batch win a trial.
BATCH_TOKENS = {"cpu": 1024, "mps": 8192, "cuda": 32_768}
# Texts tokenised and sorted by length at a time.
WINDOW = 4096
_LOG = logging.getLogger(__name__)


class LocalTeacher:
    """Label scoring with a loaded model; see METHOD section 2 for the score.

    ``cut`` counts the texts so far that were too long and lost their middle.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        labels: LabelSet,
        config: TeacherConfig,
        *,
        identity: dict[str, Any],
        examples: FewShot = NO_EXAMPLES,
        batch_tokens: int | None = None,
    ) -> None:
        """``identity`` names the weights (model, revision or hash); it becomes part of describe.

        ``batch_tokens`` fixes the size of batches; without it a good one is found in long work.
        """
        self._model = model.eval()
        self._labels = labels
        self._config = config
        self._identity = identity
        self._examples = examples
        self._tokenizer = tokenizer
        self._apart_cut = 0
        self._prompt, self.encoder = fitting_encoder(
            config, labels, tokenizer, examples, position_limit(model)
        )
        tree = AnswerTree(self.encoder.answers, labels.names, config.verbaliser_score)
        self.scorer = LabelScorer(model, self.encoder.prefix, self.encoder.suffix, tree)
        start = BATCH_TOKENS.get(model.device.type, 4096)
        factors = (1.0, 2.0, 0.5) if model.device.type == "cpu" else FACTORS
        self.sizer = BatchSizer(batch_tokens or start, (1.0,) if batch_tokens else factors)

    @property
    def batch_tokens(self) -> int:
        """How many tokens the next batch may hold."""
        return self.sizer.budget

    @property
    def on_cpu(self) -> bool:
        """Whether the model computes on the processor."""
        return str(self._model.device.type) == "cpu"

    @property
    def cut(self) -> int:
        """How many texts have been shortened so far."""
        return self.encoder.cut + self._apart_cut

    def describe(self) -> dict[str, Any]:
        """Model, prompt, verbalisers, rule, longest text, number type and examples."""
        # Without examples the description is what it was before there were any.
        examples = {"examples": self._examples.identity} if self._examples.identity else {}
        return {
            **examples,
            "kind": "local",
            **self._identity,
            "prompt": self._prompt.show("{text}"),
            "answers": list(self._prompt.answers),
            "classes": self._labels.asked_names,
            "verbaliser_score": self._config.verbaliser_score,
            "max_text_tokens": self.encoder.max_text_tokens,
            "dtype": str(self._model.dtype).removeprefix("torch."),
            # Without them the description is what it was before there were any.
            **({"weights": self._config.precision} if is_quantized(self._config) else {}),
            "source": "logprob",
        }

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield batches of texts of similar length, the longest of each window first.

        A text that is an example of the prompt is asked about without it, and last.
        """
        is_own = [self.holds(text) for text in texts]
        own = [k for k, mine in enumerate(is_own) if mine]
        others = [k for k, mine in enumerate(is_own) if not mine]
        for batch in self.score_batches([texts[k] for k in others]):
            yield replace(batch, index=np.array(others, dtype=np.int64)[batch.index])
        for k in own:
            apart = self._apart_from(texts[k])
            for batch in apart.score_batches([texts[k]]):
                self._apart_cut += apart.encoder.cut
                yield replace(batch, index=np.array([k], dtype=np.int64))

    def holds(self, text: str) -> bool:
        """Whether the text is itself an example of the prompt, and so gets one of its own."""
        return self._examples.holds(text)

    def with_question(self, config: TeacherConfig, labels: LabelSet) -> LocalTeacher:
        """A teacher over the same loaded model that is asked another question, without examples.

        Raises ConfigError where the model cannot be asked it.
        """
        return LocalTeacher(
            self._model,
            self._tokenizer,
            labels,
            config,
            identity=self._identity,
            batch_tokens=self.batch_tokens,
        )

    def _apart_from(self, text: str) -> LocalTeacher:
        """The same teacher with a prompt that does not show this text and its label."""
        return LocalTeacher(
            self._model,
            self._tokenizer,
            self._labels,
            self._config,
            identity=self._identity,
            examples=self._examples.apart_from(text),
            batch_tokens=self.batch_tokens,
        )

    def score_batches(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield batches as :meth:`score` does, of texts that are no examples of the prompt."""
        for start in range(0, len(texts), WINDOW):
            rows = self._rows(texts[start : start + WINDOW])
            order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
            self.sizer.expect(sum(self.scorer.width(len(row)) for row in rows))
            scored = 0
            while scored < len(order):
                size = self._batch_size(len(rows[order[scored]]))
                batch = order[scored : scored + size]
                scores = self._try([rows[i] for i in batch])
                if scores is None:
                    continue  # the budget was halved
                scored += len(batch)
                yield ScoredBatch(
                    index=np.array(batch, dtype=np.int64) + start,
                    scores=scores,
                    answer=np.full(len(batch), -1, dtype=np.int64),
                    source="logprob",
                    tokens_in=sum(len(rows[i]) for i in batch)
                    + len(batch) * len(self.encoder.suffix),
                )

    def content_free(self) -> Floats:
        """Scores of "N/A", "" and "[MASK]", ``[3, C]``, for contextual calibration."""
        return self.scorer.score(self._rows(CONTENT_FREE))

    def prompt(self, text: str) -> str:
        """The prompt as the model reads it, the text cut where it is too long."""
        if self.holds(text):
            return self._apart_from(text).prompt(text)
        return self.encoder.show(text, self._nearest_examples(text))

    def close(self) -> None:
        """Free the model's memory; the teacher cannot be used afterwards."""
        device = self._model.device.type
        del self._model, self.scorer
        _empty_cache(device)

    def _nearest_examples(self, text: str) -> Sequence[Example]:
        return self._examples.choose(text) if self._examples.choose else ()

    def _rows(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text with what is its own; examples that do not fit are told once."""
        if self._examples.choose is None:
            return self.encoder.encode(texts)
        before = self.encoder.dropped
        rows = self.encoder.encode(texts, [self._nearest_examples(text) for text in texts])
        if self.encoder.dropped and not before:
            _LOG.warning("Some prompts hold fewer examples: the model reads no more.")
        return rows

    def _batch_size(self, length: int) -> int:
        return max(1, self.batch_tokens // max(1, self.scorer.width(length)))

    def _try(self, rows: list[list[int]]) -> Floats | None:
        """Scores of one batch; None after running out of memory, with the budget halved."""
        self.sizer.begin()
        try:
            scores = self.scorer.score(rows)
            self.sizer.finish(self._tokens(rows))
            return scores
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if len(rows) == 1:
            raise ModelError(
                f"Not enough memory to score one text of {len(rows[0])} tokens. Lower "
                "max_text_tokens or choose a smaller teacher."
            )
        self.sizer.shrink(min(self.batch_tokens, self._tokens(rows)))
        _empty_cache(self._model.device.type)
        _LOG.warning("Out of memory; going on with %d tokens a batch.", self.batch_tokens)
        return None

    def _tokens(self, rows: list[list[int]]) -> int:
        return len(rows) * self.scorer.width(len(rows[0]))


def local_teacher(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot = NO_EXAMPLES
) -> LocalTeacher:
    """The teacher ``local:<folder or hub id>``. Raises ModelError where it cannot be loaded."""
    name = config.teacher.partition(":")[2].strip()
    folder = Path(name).expanduser()
    is_folder = folder.is_dir()
    if is_folder:
        safe_loading.check_weights(folder)
    elif name.startswith((".", "/", "~")) or folder.is_file():
        raise ModelError(f"There is no model folder {name}. Name a folder or a hub id.")
    model, tokenizer = load_causal_model(str(folder) if is_folder else name, config)
    identity: dict[str, Any] = {"model": folder.resolve().name if is_folder else name}
    if is_folder:
        identity["sha256"] = sources.folder_fingerprint(folder, home)
    else:
        identity["revision"] = getattr(model.config, "_commit_hash", None)
    return LocalTeacher(model, tokenizer, labels, config, identity=identity, examples=examples)


def load_causal_model(name: str, config: TeacherConfig) -> tuple[Any, Any]:
    """Model on the chosen device, and tokenizer, of a folder or hub id; safetensors only.

    Raises ModelError for what cannot be loaded, is no causal language model, or lacks weights.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    from llkd.teachers.local.attention import use_grouped_attention
    from llkd.teachers.local.decoder_checks import check_decoder, check_kind

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    device = devices.choose_device()
    # Weights of 8 and 4 bits are multiplied in the number type that is usual here.
    dtype: torch.dtype = devices.choose_dtype(
        "auto" if is_quantized(config) else cast(Precision, config.precision), device
    )
    devices.use_available_threads()
    if is_quantized(config):
        require("quantized", "Loading weights of 8 or 4 bits")
    safe: dict[str, Any] = {"trust_remote_code": False}
    who = f"The teacher {name}"
    try:
        settings = AutoConfig.from_pretrained(name, **safe)
        check_kind(settings, name, who)
        tokenizer = AutoTokenizer.from_pretrained(name, **safe)
        with safe_loading.no_pickle():
            model, info = AutoModelForCausalLM.from_pretrained(
                name,
                dtype=dtype,
                use_safetensors=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **quantization(config, dtype, device),
                **safe,
            )
        model = model.eval() if is_quantized(config) else model.eval().to(device)
        check_decoder(model, tokenizer, info, who)
    except ModelError:
        raise
    except Exception as error:  # anything a foreign folder can hold
        if isinstance(error, RuntimeError | MemoryError) and is_out_of_memory(error):
            raise ModelError(
                f"The teacher {name} does not fit into the memory of {device}."
            ) from error
        raise ModelError(
            f"The teacher {name} cannot be loaded: {reason(error)} A teacher is a causal "
            "language model, a folder or hub id with safetensors weights and a tokenizer."
        ) from error
    if device == "cpu" and str(dtype) == "torch.bfloat16":
        use_grouped_attention(model)
    return model, tokenizer


def _empty_cache(device: str) -> None:
    """Hand back what torch keeps of a device's memory for later."""
    import torch

    if device == "cuda":
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
