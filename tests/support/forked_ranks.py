"""Ranks that begin in half a second: forked from a server that has loaded torch and transformers."""

import multiprocessing
import sys

from llkd.training.data_parallel import follower, lead
from llkd.training.data_parallel.processes import RankProcesses

PRELOADED = [
    "llkd.students.loading",
    "llkd.training.data_parallel.follower",
    "llkd.training.optimisation",
    "torch.distributed.elastic.multiprocessing",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.bert.modeling_bert",
]


def follow(folder):
    """What a rank's process does."""
    if follower.main(folder):
        sys.exit(1)


class ForkedRanks(RankProcesses):
    """The same processes by another start; all else is what is tested."""

    def _start(self, environments):
        from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, start_processes

        multiprocessing.set_forkserver_preload(PRELOADED)
        return start_processes(
            "llkd",
            follow,
            dict.fromkeys(environments, (str(self._folder.path),)),
            environments,
            DefaultLogsSpecs(log_dir=str(self._folder.path / "logs")),
            start_method="forkserver",
        )


def use_forked_ranks(monkeypatch):
    """From now on, in this test, other ranks are forked."""
    monkeypatch.setattr(lead, "RankProcesses", ForkedRanks)
