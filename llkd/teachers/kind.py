"""What the program has to know of a kind of teacher, apart from how it scores.

A new kind is one file, with its teacher and its :class:`TeacherKind`, and one line in
:mod:`llkd.teachers.registry`. Command line, forms, labelling, exports and docs read the rest here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llkd.config import Calibration, LabelSet, TeacherConfig
from llkd.teachers.base import FewShot, Meter, Teacher
from llkd.teachers.prompts import label_turns

Maker = Callable[[TeacherConfig, LabelSet, Path, FewShot, Meter | None], Teacher]
"""From settings, classes, home, few-shot examples and meter to a teacher; imports what it needs."""
Turns = Callable[[TeacherConfig, LabelSet, str, FewShot], list[tuple[str, str]]]
"""The prompt for one text, as (role, words), without a model's own template."""


@dataclass(frozen=True)
class Argument:
    """What follows the colon in ``kind:name``.

    ``shape`` as the command line shows it; ``label`` and ``placeholder`` of the form's field;
    ``missing``: the sentence where it was left empty. With ``optional`` nothing need follow, and
    ``display`` is what a pass is called that has an argument.
    """

    shape: str
    label: str
    placeholder: str
    missing: str
    optional: bool = False
    display: str = ""


@dataclass(frozen=True)
class TeacherKind:
    """One kind of teacher. Its ``describe()`` says ``name`` as its ``kind``, or that of another.

    Attributes:
        name: the word before the colon, on the command line and in settings.
        make: makes the teacher; torch and clients are imported inside it.
        label: the kind in the form, in a few words.
        summary: the kind in a sentence or two, for the form, the command line and the docs.
        argument: what follows the colon; None where nothing does.
        display: what a pass of it is called; ``{name}`` stands for the argument.
        noun: what gave the labels, in a model card: a model, or a file.
        metered: its calls may cost money: prices, budget, account and estimate of calls.
        reads_only: what it writes costs nothing: prices are for tokens read alone.
        decides: a decision model: its server may lack the interface (``labeling.interfaces``).
        settles: labelling finds out which kind it is, and is stored as that one.
        cached: its answers are kept, so that none is paid for twice.
        uses_device: a model runs on this machine, so that its jobs wait for their turn.
        has_prompt: it reads a question, with few-shot examples where they are wanted.
        takes_prototypes: without a prompt, examples that are the same for all texts change it.
        lookup: its labels are looked up: asked again it says the same, and nothing is to be tried.
        pools: its labels are made of those of other passes, its members.
        in_batches: its server may take the requests of many texts at once, for less.
        calibration: how its scores become probabilities where nobody says so.
        needs: settings it cannot do without, and the sentence that says so.
        settings: settings that only some kinds read; the form shows these, and a comparison of
            prompts varies them.
        confidences: where its confidence can come from (``teachers.confidence``).
        form: how the form chooses it (``ui.teacher.setup``); by default a field for the argument
            and one for each of ``needs``.
        turns: its prompt, for the preview.
        tokenizer_file: the ``tokenizer.json`` of its model on this machine, if it is there.
        described: how it was asked, a sentence for the model card, from its settings.
    """

    name: str
    make: Maker
    label: str
    summary: str
    argument: Argument | None = None
    display: str = "{name}"
    noun: str = "model"
    metered: bool = False
    reads_only: bool = False
    decides: bool = False
    settles: bool = False
    cached: bool = True
    uses_device: bool = False
    has_prompt: bool = True
    takes_prototypes: bool = False
    lookup: bool = False
    pools: bool = False
    in_batches: bool = False
    calibration: Calibration = "batch"
    needs: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    confidences: tuple[str, ...] = ("logprob",)
    form: str = "argument"
    turns: Turns = label_turns
    tokenizer_file: Callable[[str, Path], Path | None] = lambda name, home: None
    described: Callable[[Mapping[str, Any]], str] = lambda config: "It labelled every text."

    @property
    def usage(self) -> str:
        """How it is named on the command line: ``api:<model>``."""
        if self.argument is None:
            return self.name
        shape = f":{self.argument.shape}"
        return f"{self.name}[{shape}]" if self.argument.optional else self.name + shape

    def takes(self, argument: str) -> bool:
        """Whether the kind may be named with this argument (empty: without one)."""
        if self.argument is None:
            return not argument
        return self.argument.optional or bool(argument)

    def named(self, argument: str) -> str:
        """What a pass with this argument is called."""
        with_argument = argument and self.argument is not None and self.argument.display
        return (with_argument or self.display).replace("{name}", argument)
