"""A run under way: its parts, and how they are kept between processes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from llkd.config import BEFORE_HEAD_START, TrainingConfig
from llkd.errors import ConfigError, DataError, JobCancelled, StoreError
from llkd.selection import signals
from llkd.selection.inputs import prepared
from llkd.selection.registry import make_strategy
from llkd.selection.signals import Floats, Ints
from llkd.selection.usual_settings import epochs_of
from llkd.store.files.permissions import make_folder
from llkd.store.files.run_files import RunFiles
from llkd.store.home import atomic_file
from llkd.store.run_summary import RunSummary
from llkd.students import Encoded, Student
from llkd.students.encoding import unknown_share
from llkd.students.student import OnBatch
from llkd.training import checkpoints
from llkd.training.batch_accumulator import BatchAccumulator
from llkd.training.batches import steps_per_epoch
from llkd.training.checkpoints import Checkpoint
from llkd.training.logs import TrainingLog
from llkd.training.optimisation import Optimisation, soft_targets
from llkd.training.records import Position, TrainingData, TrainingProgress
from llkd.training.scoring import Scorer
from llkd.training.select_batch import strategy_inputs
from llkd.training.stopping import stop_source_of

LOG_SECONDS = 3.0
MANY_UNKNOWN, ALL_UNKNOWN = 0.2, 0.99
MANY_CUT = 0.1


WITHOUT_EFFECT = ("checkpoint_seconds", "workers")
"""Settings that a stopped run may go on with others of."""


class Inference(Protocol):
    """Who reads texts with the student: itself, or several ranks."""

    def probabilities(
        self, texts: Encoded, batch_size: int = 64, on_batch: OnBatch | None = None
    ) -> Floats:
        """Class probabilities ``[n, C]`` in evaluation mode."""


class Updates(Protocol):
    """Who takes an optimiser step: this process, or several ranks."""

    def update(
        self, positions: Ints, target: Ints | Floats, weight: Floats, step: int, where: str
    ) -> float:
        """One step on these texts of the pool; returns its loss."""

    def check_agreement(self) -> None:
        """Raise ModelError where those who take the steps no longer have the same student."""


def _flat(config: TrainingConfig) -> dict[str, Any]:
    settings = config.model_dump(mode="json", exclude=set(WITHOUT_EFFECT))
    selection = settings.pop("selection")
    return {**settings, **{f"selection.{name}": value for name, value in selection.items()}}


def _unknown_words(student: Student, encoded: Encoded) -> list[str]:
    """A warning where the student knows few words of the texts; DataError where it knows none."""
    share = unknown_share(encoded, student.tokenizer)
    if share >= ALL_UNKNOWN:
        raise DataError(
            "The student's tokenizer knows none of the words of these texts, so it cannot tell "
            "them apart. Choose a student for their language, with its own tokenizer."
        )
    if share < MANY_UNKNOWN:
        return []
    return [
        f"{share:.1%} of the texts' tokens are unknown to the student, which cannot tell them "
        "apart. Choose a student for their language.".replace("%", " %", 1)
    ]


def _cut(encoded: Encoded, longest: int) -> list[str]:
    """A warning where many texts fill the student's window."""
    share = float((encoded.lengths >= longest).mean()) if len(encoded) else 0.0
    if share < MANY_CUT:
        return []
    return [
        f"{100 * share:.0f} % of the texts reach the {longest:,} tokens that the student reads; "
        "what comes after was not seen. More tokens per text take more time."
    ]


USUAL = _flat(TrainingConfig(head_start=BEFORE_HEAD_START))
"""What a setting was where a stored run does not name it."""


class Session:
    """One run under way. Its moving parts are what a checkpoint holds."""

    def __init__(
        self,
        student: Student,
        data: TrainingData,
        config: TrainingConfig,
        class_names: Sequence[str],
        folder: Path,
        reference_counts: Sequence[int] | None,
    ) -> None:
        if student.class_names != list(class_names):
            raise ConfigError(
                f"The student's classes ({', '.join(student.class_names)}) are not those of the "
                f"labels ({', '.join(class_names)})."
            )
        data.check(len(class_names))
        self.epochs = epochs_of(config)
        self.total_steps = self.epochs * steps_per_epoch(len(data.texts), config.batch_size)
        if reference_counts is not None and len(reference_counts) != self.total_steps:
            raise ConfigError(
                f"The reference run has {len(reference_counts):,} steps and this one "
                f"{self.total_steps:,}. Use its pool, batch size and epochs."
            )
        try:
            make_folder(folder)
        except OSError as error:
            raise StoreError(f"The run folder {folder} cannot be made: {error}.") from error
        student.precision = config.precision
        student.set_max_tokens(config.window)
        self.student, self.data, self.config, self.folder = student, data, config, folder
        self.class_names, self.reference_counts = list(class_names), reference_counts
        self.on_progress: Callable[[TrainingProgress], None] | None = None
        self.should_stop: Callable[[], bool] | None = None
        self.encoded = student.encode(data.texts)
        self.eval_encoded = student.encode(data.eval_texts)
        self.rows = np.asarray(data.rows, dtype=np.int64)
        self.teacher_probs = np.asarray(data.teacher_probs, dtype=np.float64)
        self.label = signals.pseudo_label(self.teacher_probs)
        self.gold = np.full(len(self.rows), -1) if data.gold is None else np.asarray(data.gold)
        self.inference_batch = 64 if student.device.type == "cpu" else 256
        self.human = np.zeros(len(self.rows), dtype=np.bool_)
        if data.human is not None:
            self.human = np.asarray(data.human, dtype=np.bool_)
        self.strategy = prepared(
            make_strategy(config.selection, class_names),
            strategy_inputs(
                self.teacher_probs,
                data.teacher_raw_probs,
                data.without_confidence,
                oof_probs=data.oof_probs,
                knn_mean_probs=data.knn_mean_probs,
                in_saved=data.in_saved,
                passes=data.passes,
                support=data.support,
            ),
        )
        self.targets: Ints | Floats = self.label
        if config.targets == "soft":
            self.targets = soft_targets(
                self.teacher_probs, config.target_temperature, config.hard_share
            )
        self.rng = np.random.default_rng([config.seed, 1])
        self.optimisation = Optimisation(student, self.encoded, config, self.total_steps)
        self.inference: Inference = student
        self.updates: Updates = self.optimisation
        self.optimisation.warnings += _unknown_words(student, self.encoded)
        self.optimisation.warnings += _cut(self.encoded, student.max_tokens)
        self.scorer = Scorer(
            len(self.rows),
            len(self.class_names),
            config.selection.score_every,
            lambda batch: self._scores(batch, self.optimisation.micro),
            lambda batches: self._scores(batches, self.inference_batch),
        )
        self.gathering = BatchAccumulator(config.batch_size if config.gather else None)
        self.stop_source = stop_source_of(data) if config.early_stopping == "auto" else None
        self.stop_encoded = student.encode(
            data.stop_texts if self.stop_source in {"pool_gold", "audit", "teacher"} else []
        )
        self.reads_every_epoch = config.evaluate_at == "epoch" or self.stop_source is not None
        self.log = TrainingLog(folder)
        self.at = Position.start(len(class_names))
        self.used = np.zeros(len(self.rows), dtype=np.bool_)
        self.began_at = self.saved_at = self.logged_at = time.monotonic()

    def _scores(self, positions: Ints, at_once: int) -> Floats:
        """The student's probabilities ``[b, C]`` for texts of the pool."""
        return self.inference.probabilities(self.encoded.subset(positions), at_once)

    def fingerprint(self) -> dict[str, Any]:
        """All that decides how a run ends; checkpoints of another are refused."""
        counts = None if self.reference_counts is None else [int(k) for k in self.reference_counts]
        return {
            **_flat(self.config),
            "classes": self.class_names,
            "reference counts": counts,
            **self.data.fingerprint(),
        }

    def finished(self) -> RunSummary | None:
        """The outcome, where this very run was finished before."""
        path = RunFiles(self.folder).summary
        if not path.exists():
            return None
        try:
            stored = json.loads(path.read_text("utf-8"))
            fingerprint = stored["fingerprint"]
            outcome = RunSummary.read({k: v for k, v in stored.items() if k != "fingerprint"})
        except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
            raise StoreError(
                f"{path} cannot be read ({error}). Remove it to train again."
            ) from error
        checkpoints.check_same(self.folder, fingerprint, self.fingerprint(), USUAL)
        checkpoints.remove(self.folder)
        return outcome

    def resume(self) -> bool:
        """Take up the newest checkpoint, if there is one; discard what was logged after it."""
        import torch

        checkpoint = checkpoints.load(self.folder)
        if checkpoint is None:
            self.log.discard_after(parts=0, epochs=0)
            return False
        values = checkpoint.values
        checkpoints.check_same(self.folder, values["fingerprint"], self.fingerprint(), USUAL)
        self.student.network.load_state_dict(checkpoint.model)
        self.optimisation.restore(checkpoint.optimiser)
        self.optimisation.micro = values["micro"]
        self.optimisation.warnings = values["warnings"]
        self.strategy = self.strategy.restored(values["strategy"])
        self.rng.bit_generator.state = values["rng"]
        self.scorer.restore(checkpoint.arrays)
        if "gathering" in values:
            self.gathering.restore(values["gathering"])
        torch.set_rng_state(checkpoint.arrays["torch_rng"])
        if "cuda_rng" in checkpoint.arrays and self.student.device.type == "cuda":
            torch.cuda.set_rng_state(checkpoint.arrays["cuda_rng"], self.student.device)
        self.used = checkpoint.arrays["used"].numpy().astype(np.bool_)
        self.at = Position.from_json(values["position"])
        self.log.discard_after(values["parts"], self.at.epoch)
        return True

    def save(self) -> None:
        """Write the log parts, then the checkpoint that knows of them."""
        import torch

        self.log.flush()
        arrays = {
            "torch_rng": torch.get_rng_state(),
            "used": torch.from_numpy(self.used.copy()),
            **self.scorer.state(),
        }
        if self.student.device.type == "cuda":
            arrays["cuda_rng"] = torch.cuda.get_rng_state(self.student.device)
        model = self.student.network.state_dict()
        checkpoint = Checkpoint(
            # Clones, because safetensors refuses tensors that share their memory.
            model={name: value.detach().cpu().clone() for name, value in model.items()},
            optimiser=self.optimisation.state(),
            arrays=arrays,
            values={
                "fingerprint": self.fingerprint(),
                "position": self.at.to_json(),
                "strategy": self.strategy.state(),
                "rng": self.rng.bit_generator.state,
                "micro": self.optimisation.micro,
                "warnings": self.optimisation.warnings,
                "parts": self.log.parts,
                "gathering": self.gathering.state(),
            },
        )
        checkpoints.save(self.folder, self.at.epoch, self.at.batch, checkpoint)
        self.saved_at = self.logged_at = time.monotonic()

    def log_if_due(self) -> None:
        """Write a log part between checkpoints, for those who watch; ever rarer in a long run."""
        now = time.monotonic()
        if now - self.logged_at >= max(LOG_SECONDS, (now - self.began_at) / 100):
            self.log.flush()
            self.logged_at = now

    def write_summary(self, outcome: RunSummary) -> None:
        """Write ``summary.json``: from here on the run is finished, and its checkpoint goes."""
        whole = {**outcome.document(), "fingerprint": self.fingerprint()}
        with atomic_file(RunFiles(self.folder).summary) as temporary:
            temporary.write_text(json.dumps(whole, ensure_ascii=False, indent=1), "utf-8")
        checkpoints.remove(self.folder)
        RunFiles(self.folder).best_weights.unlink(missing_ok=True)

    def report(self, doing: str) -> None:
        """Tell the caller where the run stands."""
        at = self.at
        if self.on_progress is None:
            return
        share = at.whole.selected / at.whole.offered if at.whole.offered else 0.0
        epoch = min(at.epoch + 1, self.epochs)
        message = f"epoch {epoch} of {self.epochs}, {doing}, {share:.1%} selected"
        self.on_progress(
            TrainingProgress(at.step, self.total_steps, epoch, at.last_loss, share, message)
        )

    def wants_to_stop(self) -> bool:
        """Whether the caller wants to."""
        return self.should_stop is not None and self.should_stop()

    def stop_if_asked(self) -> None:
        """Raise JobCancelled with a checkpoint written, if the caller wants to stop."""
        if self.wants_to_stop():
            self.save()
            raise JobCancelled(
                f"Training was stopped after {self.at.step:,} of {self.total_steps:,} steps; "
                "resume it to go on from there."
            )
