"""Ask a teacher about texts."""

from __future__ import annotations

from functools import partial
from typing import Any

from llkd.config import Calibration, LabelSet, OrderConfig, Spending, TeacherConfig, build
from llkd.errors import ConfigError, UserError
from llkd.library.function_teacher import FunctionTeacher, TeacherFunction, checked_name
from llkd.library.labels import Labels, checked_calibration
from llkd.library.progress import shown_progress
from llkd.library.settings import sorted_settings
from llkd.library.texts import Texts, check_texts
from llkd.library.wording import python_words
from llkd.store import Store
from llkd.teachers.base import Teacher
from llkd.teachers.registry import price_name, priced, teacher_settings, with_free_writing

_OWN = ("teacher", "calibration", "limit", "name", "ask_again", "about", "progress")


def label(
    texts: Texts,
    teacher: str | TeacherFunction | Teacher = "embedded",
    *,
    calibration: Calibration | None = None,
    limit: int | None = None,
    name: str | None = None,
    ask_again: bool = False,
    batch: bool = False,
    about: str | None = None,
    progress: bool = True,
    **settings: Any,
) -> Labels:
    """Label every text that this teacher has not labelled yet.

    Stopped by Ctrl-C, an error or a spent budget, what was answered is kept: the same call goes on
    from there, and ``texts.labels()`` holds it.

    Args:
        texts: what :func:`read_texts` returned, with its classes.
        teacher: ``embedded``; ``similarity``, or ``similarity:ENCODER``; ``committee``, which pools
            its ``members=[...]`` (teachers, or numbers of labelling runs; ``weights="fitted"``);
            ``local:FOLDER``, a causal language model; ``api:MODEL`` behind an
            OpenAI-compatible server (``base_url=``, key in OPENAI_API_KEY or saved by
            ``llkd key set``); ``systemone:MODEL`` or ``decisions:MODEL``, a decision model behind
            one; ``auto:MODEL``, whichever of these it is; ``file:PATH``, labels that another tool
            made; or a function that takes a list of ``b`` texts and returns class probabilities
            ``[b, C]`` in the order of ``texts.classes`` (NaN rows: no answer).
        calibration: how scores become probabilities: ``none``, ``batch``, ``contextual``, each also
            with ``+temperature``, or ``fitted``; all also with ``+refined``. None: as is usual for
            the teacher (``batch`` for language models).
        limit: label at most so many texts in all, drawn at random.
        name: what answers of a function are kept under, for a later Python to go on with.
        ask_again: ask once more about texts whose answer could not be used.
        batch: ask a server in batches: cheaper, answered within a day (docs/batches.md).
        about: a class that was added, or split: ask only about texts that it could be about (by
            label similarity), or that wait since the split; all other labels stay as they are.
        progress: show a bar.
        **settings: further settings of the teacher (``instruction``, ``examples``, ``base_url`` …),
            of what it may cost (``price_in``, ``price_out``, ``budget``, ``calls``) and of the
            order (``order="need"``, ``rounds``, ``explore``). docs/api.md lists them.

    Raises:
        UserError: the texts have no classes, or a setting is wrong (ConfigError).
        ModelError: the teacher cannot be loaded or reached, or answers nothing usable.
    """
    check_texts("label", texts)
    checked = checked_calibration(calibration)
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ConfigError(f"limit= is a whole number from 1, but it was {limit!r}.")
    with python_words():
        from llkd import workflows
        from llkd.embedding.pool import refinable

        teacher_config, cost, order = sorted_settings(
            "label", settings, (TeacherConfig, Spending, OrderConfig), _OWN
        )
        store, project = texts.workspace.store, texts.record
        kind, handed = _teacher_of(teacher, texts.label_set, name)
        settle = teacher_settings if handed is None else partial(build, TeacherConfig)
        config = settle(teacher_config, teacher=kind)
        more: dict[str, Any] = {
            "calibration": checked,
            "teacher": handed,
            "spending": _spending(store, config, cost),
            "batch": batch,
        }
        with shown_progress(progress) as shown:
            if about is not None:
                _alone(about, limit, ask_again, order)
                key = texts.label_set.find_key(about) or about
                report = workflows.relabel(store, project, config, key, shown, **more)
            elif (
                not (limit or ask_again or order)
                and workflows.unlabelled_rows(store, project, config).size
            ):
                report = workflows.label_rest(store, project, config, shown, **more)
            else:
                more |= {"order": build(OrderConfig, order), "ask_again": ask_again}
                report = workflows.label(store, project, config, shown, limit=limit, **more)
            labeling_run = int(shown.facts["labelling_id"])
            record = store.labeling_runs.get(labeling_run)
            used = record.calibration
            refinable(store, texts.record, record, used, shown)
    return Labels(texts, labeling_run, used, report)


def _alone(about: str, limit: int | None, ask_again: bool, order: dict[str, Any]) -> None:
    if limit is not None or ask_again or order:
        raise UserError(
            f"about={about!r} asks about all texts that the class could touch: leave out limit=, "
            "ask_again= and order=."
        )


def _teacher_of(teacher: Any, label_set: LabelSet, name: str | None) -> tuple[str, Teacher | None]:
    """The teacher's name in the project, and the teacher itself where a program hands it over."""
    checked_name(name)
    if isinstance(teacher, str):
        if name is not None:
            raise UserError("name= is for a teacher that is a function. Leave it out.")
        return teacher, None
    if hasattr(teacher, "score") and hasattr(teacher, "describe"):
        return f"function:{name or type(teacher).__name__}", teacher
    if callable(teacher):
        function_teacher = FunctionTeacher(teacher, label_set, name)
        return f"function:{function_teacher.name}", function_teacher
    raise UserError(
        "A teacher is 'embedded', 'similarity', 'committee', 'local:…', 'api:…', 'systemone:…', "
        "'decisions:…', 'auto:…', 'file:…' or a function from texts to class probabilities, but it "
        f"was of the type {type(teacher).__name__}."
    )


def _spending(store: Store, config: TeacherConfig, cost: dict[str, Any]) -> Spending:
    """Prices and limits; prices of the home's price table where none are given."""
    paid = priced(config)
    if paid is not None and not {"price_in", "price_out"} & set(cost):
        listed = store.prices.of(price_name(paid))
        if listed is not None:
            cost = {**cost, "price_in": listed.price_in, "price_out": listed.price_out}
    return build(Spending, with_free_writing(config, cost))
