"""What every rank, the run's own among them, computes of a command: its share of the texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from llkd.selection.signals import Floats
from llkd.training.data_parallel.commands import Command, share_of

if TYPE_CHECKING:
    from llkd.students import Student
    from llkd.training.data_parallel.collectives import Collectives
    from llkd.training.optimisation import Optimisation


def logits_of_share(student: Student, command: Command, group: Collectives) -> Floats:
    """Logits ``[s, C]`` of this rank's texts.

    ``s`` is the largest share of all ranks, so that the answers can be put side by side; a rank
    with a text less has a row of zeros last.
    """
    places = share_of(command.texts.lengths, group.rank, group.ranks)
    own = command.texts.subset(places)
    values = student.class_logits(own, command.number)
    rows = -(-len(command.texts) // group.ranks)
    return np.pad(values, ((0, rows - len(values)), (0, 0)))


def step_on_share(
    optimisation: Optimisation, command: Command, group: Collectives, where: str = ""
) -> float:
    """An optimiser step on the command's texts, of which this rank computes its share.

    Returns the loss of all of them. Dropout draws from seed, updates so far and rank: a resumed
    run draws as one that was not stopped. Raises ModelError, naming ``where``, on every rank.
    """
    import torch

    drawn_from = [optimisation.config.seed, optimisation.updates, group.rank]
    torch.manual_seed(int(np.random.SeedSequence(drawn_from).generate_state(1)[0]))
    places = share_of(command.texts.lengths, group.rank, group.ranks)
    return optimisation.take_step(
        command.texts,
        places,
        command.target[places],
        command.weight[places],
        count=len(command.texts),
        step=command.number,
        where=where,
    )
