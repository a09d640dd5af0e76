"""One optimiser step on the selected samples, and the learning rate it is taken with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from llkd.config import TrainingConfig
from llkd.errors import ModelError
from llkd.selection.signals import Floats, Ints
from llkd.students import Encoded, Student
from llkd.students.hardware import free_memory, out_of_memory

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


def rate_factor(step: int, total_steps: int, warmup_share: float) -> float:
    """Share of the full learning rate at ``step`` (from 0): linear rise, then linear decay."""
    warmup = round(warmup_share * total_steps)
    if step < warmup:
        return (step + 1) / warmup
    return (total_steps - step) / max(1, total_steps - warmup)


class Optimisation:
    """AdamW over a student's encoder and head, each with its own learning rate.

    ``micro`` is how many texts go through the network at once: the batch, until memory runs out.
    ``warnings`` says when that happened.
    """

    def __init__(
        self, student: Student, encoded: Encoded, config: TrainingConfig, total_steps: int
    ) -> None:
        import torch

        self.student = student
        self.encoded = encoded
        self.config = config
        self.total_steps = total_steps
        self.micro = config.batch_size
        self.warnings: list[str] = []
        groups = []
        for part, rate in (
            ("encoder", config.learning_rate),
            ("head", config.head_learning_rate),
        ):
            parameters = [p for p in student.network[part].parameters() if p.requires_grad]
            # Biases and norms are not pulled towards 0.
            for members, decay in (
                ([p for p in parameters if p.ndim >= 2], config.weight_decay),
                ([p for p in parameters if p.ndim < 2], 0.0),
            ):
                groups.append({"params": members, "lr": rate, "weight_decay": decay})
        self.full_rates = [float(group["lr"]) for group in groups]  # type: ignore[arg-type]
        # The fused step takes a fifth of the time of the plain one on a CPU.
        self.optimiser = torch.optim.AdamW(groups, fused=True)
        self.parameters = [p for group in groups for p in group["params"]]  # type: ignore[attr-defined]
        self.sum_over_ranks: Callable[[Sequence[torch.Tensor], float], float] | None = None
        if config.compile:
            self._compile()

    def warn_once(self, warnings: Sequence[str]) -> None:
        """Add warnings that are not there yet: a resumed run has those of its checkpoint."""
        self.warnings += [warning for warning in warnings if warning not in self.warnings]

    def _compile(self) -> None:
        """Compile the encoder where that pays: on a GPU, for any length of text."""
        if self.student.device.type == "cuda":
            encoder: Any = self.student.network["encoder"]
            encoder.compile(dynamic=True)
        else:
            self.warnings.append("The student was not compiled: it is not on a GPU.")

    def learning_rate(self, step: int) -> float:
        """The encoder's learning rate at ``step``."""
        factor = rate_factor(step, self.total_steps, self.config.warmup_share)
        return self.config.learning_rate * factor

    @property
    def updates(self) -> int:
        """Steps taken so far."""
        states: Any = self.optimiser.state.values()
        return max((int(state["step"]) for state in states), default=0)

    def update(
        self, positions: Ints, target: Ints | Floats, weight: Floats, step: int, where: str
    ) -> float:
        """One step on these texts; the loss is the mean of weight x cross-entropy.

        ``target`` holds classes ``[m]`` or probabilities ``[m, C]``. Returns the loss. Raises
        ModelError that names ``where``, the weights untouched, where the loss or its gradient is
        not a number.
        """
        return self.take_step(
            self.encoded, positions, target, weight, count=len(positions), step=step, where=where
        )

    def take_step(
        self,
        encoded: Encoded,
        positions: Ints,
        target: Ints | Floats,
        weight: Floats,
        *,
        count: int,
        step: int,
        where: str,
    ) -> float:
        """As :meth:`update`, where this process computes some of a step's ``count`` texts.

        With ``sum_over_ranks`` the others' parts are added, and the loss is that of all.
        """
        import torch

        network = self.student.network
        factor = rate_factor(step, self.total_steps, self.config.warmup_share)
        for group, rate in zip(self.optimiser.param_groups, self.full_rates, strict=True):
            group["lr"] = rate * factor
        network.train(self.config.dropout)
        loss = self._with_less_memory(
            lambda micro: self._backward(encoded, positions, target, weight, count, micro)
        )
        if self.sum_over_ranks is not None:
            loss = self.sum_over_ranks(self.parameters, loss)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.config.max_gradient_norm)
        if not (math.isfinite(loss) and bool(torch.isfinite(norm))):
            what = "gradient" if math.isfinite(loss) else "loss"
            raise not_a_number(what, where, self.config)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        network.eval()
        return loss

    def check_agreement(self) -> None:
        """One process agrees with itself."""

    def _backward(
        self,
        encoded: Encoded,
        positions: Ints,
        target: Ints | Floats,
        weight: Floats,
        count: int,
        micro: int,
    ) -> float:
        import torch

        self.optimiser.zero_grad(set_to_none=True)
        device = self.student.device
        targets = torch.from_numpy(target).to(device)
        weights = torch.from_numpy(weight.astype(np.float32)).to(device)
        total = 0.0
        for start in range(0, len(positions), micro):
            part = slice(start, start + micro)
            logits = self.student.logits(encoded, positions[part])
            entropy = torch.nn.functional.cross_entropy(logits, targets[part], reduction="none")
            # Dividing by all selected, not by the part's, makes the parts add up to one step.
            loss = (entropy * weights[part]).sum() / count
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total

    def _with_less_memory(self, work: Callable[[int], T]) -> T:
        while True:
            try:
                return work(self.micro)
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                if self.micro == 1:
                    raise one_text_too_large(self.config) from error
            # Not in the handler: it would keep the failed try's tensors alive.
            self.optimiser.zero_grad(set_to_none=True)
            free_memory(self.student.device.type)
            self.micro = max(1, self.micro // 2)
            self.warnings.append(
                f"Memory ran out, so at most {self.micro} texts were put through the student at "
                "once. The result is that of the full batch, only slower."
            )

    def state(self) -> dict[str, torch.Tensor]:
        """AdamW's moments, flat, by parameter number and name."""
        state: dict[int, dict[str, Any]] = self.optimiser.state_dict()["state"]
        return {
            f"{number}.{name}": value.detach().cpu().contiguous()
            for number, entry in state.items()
            for name, value in entry.items()
        }

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take the moments of :meth:`state`."""
        whole = self.optimiser.state_dict()
        state: dict[int, dict[str, Any]] = {}
        for key, value in tensors.items():
            number, _, name = key.partition(".")
            state.setdefault(int(number), {})[name] = value
        self.optimiser.load_state_dict({**whole, "state": state})


def not_a_number(what: str, where: str, config: TrainingConfig) -> ModelError:
    """The error for a student that has diverged."""
    return ModelError(
        f"The student's {what} is not a number {where}. Lower the learning rate (it was "
        f"{config.learning_rate:g}) or train with precision fp32."
    )


def one_text_too_large(config: TrainingConfig) -> ModelError:
    """The error for a student that cannot take a single text."""
    return ModelError(
        "Memory ran out on a single text. Use a smaller student or fewer tokens per text "
        f"(max_tokens was {config.window})."
    )


def soft_targets(probabilities: Floats, temperature: float, hard_share: float) -> Floats:
    """What a student learns instead of a bare label, ``[n, C]`` float32.

    The distribution softmax(ln q / temperature), with ``hard_share`` of the label's certainty
    mixed in. A certain row (a person's label) stays certain.
    """
    logs = np.log(np.maximum(probabilities, 1e-300)) / temperature
    soft = np.where(probabilities > 0, np.exp(logs - logs.max(axis=1, keepdims=True)), 0.0)
    soft /= soft.sum(axis=1, keepdims=True)
    hard = np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]
    return ((1 - hard_share) * soft + hard_share * hard).astype(np.float32)
