"""Train in several ways, and say which of them is better and whether that can be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llkd.errors import ConfigError
from llkd.library.labels import Labels
from llkd.library.progress import shown_progress
from llkd.library.selection import Selection
from llkd.library.student import Student
from llkd.library.texts import Texts
from llkd.library.training import labels_of, training_config
from llkd.library.wording import python_words

if TYPE_CHECKING:
    import pandas as pd


class Comparison:
    """Arms (ways to train) side by side. Made by :func:`compare`."""

    def __init__(self, texts: Texts, report: Mapping[str, Any]) -> None:
        """Use :func:`compare`."""
        self._texts = texts
        self.report = dict(report)

    @property
    def conclusion(self) -> str:
        """What the comparison shows, in one sentence, and no more than it shows."""
        return str(self.report["conclusion"])

    @property
    def lines(self) -> list[str]:
        """A sentence on each arm."""
        return list(self.report["lines"])

    def to_frame(self) -> pd.DataFrame:
        """One line an arm and budget: means over seeds of accuracy, macro-F1, samples, seconds."""
        import pandas as pd

        return pd.DataFrame(self.report["arms"])

    def differences(self) -> pd.DataFrame:
        """One line a pair of arms: paired differences with their 95 % intervals."""
        import pandas as pd

        return pd.json_normalize(list(self.report["differences"]))

    def students(self, arm: str) -> list[Student]:
        """The students of an arm, one a seed. Raises ConfigError for an arm that is not here."""
        runs = [
            run
            for run in self.report["runs"]
            if run["arm"] == arm and run["budget"] == "epochs" and run["state"] == "finished"
        ]
        if not runs:
            arms = dict.fromkeys(run["arm"] for run in self.report["runs"])
            raise ConfigError(f"There is no arm {arm!r} here. The arms are {', '.join(arms)}.")
        store = self._texts.workspace.store
        stored = (store.runs.get(int(run["run"]), self._texts.project_id) for run in runs)
        return [Student(run.student_folder, self._texts, run.id) for run in stored]

    def __str__(self) -> str:
        """The conclusion."""
        return self.conclusion

    def __repr__(self) -> str:
        """The arms, for a notebook."""
        arms = dict.fromkeys(arm["arm"] for arm in self.report["arms"])
        return f"<Comparison of {', '.join(arms)}>"


def compare(
    data: Labels | Selection,
    arms: Sequence[str] | None = None,
    *,
    seeds: int = 3,
    student: str = "embedded",
    epochs: int | None = None,
    seed: int = 0,
    progress: bool = True,
    **settings: Any,
) -> Comparison:
    """Train students in several ways from the same starts, and compare them on the same texts.

    Arms that are trained already with the same settings are not trained again, so that a stopped
    comparison goes on where it was.

    Args:
        data: labels; a selection adds the arm ``saved``, which trains on exactly its texts.
        arms: names of ways to train; without it those that are worth their time here
            (:meth:`Labels.training_advice`).
        seeds: how many students of each arm: from one nothing is said of the ways to train.
        student: the encoder to begin with.
        epochs: passes over the texts, of every arm; without it as usual for each.
        seed: the first seed.
        progress: show a bar.
        **settings: as those of :func:`train`.

    Raises:
        UserError: an unknown arm, a control without a selection to copy, or an arm that would
            select nothing.
    """
    labels = labels_of("compare", data)
    if isinstance(arms, str):
        raise ConfigError(f"arms= is a list of names, but it was the text {arms!r}.")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise ConfigError(f"seeds= is a whole number from 1, but it was {seeds!r}.")
    texts = labels.texts
    with python_words():
        from llkd import workflows
        from llkd.evaluation.comparison.arms import check_arms
        from llkd.jobs.requests import AUTO_ARMS

        config = training_config(
            "compare", data, None, settings, student=student, epochs=epochs, seed=seed
        )
        names = AUTO_ARMS if arms is None else check_arms(arms, config.selection.saved)
        texts.put_in_use(labels.labeling_run_id, labels.derived.calibration)
        store, project = texts.workspace.store, texts.record
        with shown_progress(progress) as shown:
            report = workflows.compare(store, project, config, shown, seeds=seeds, arms=names)
    return Comparison(texts, report.document())
