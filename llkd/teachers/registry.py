"""The kinds of teachers by name: a visible dict, and an error that lists the choices.

To add one: a file with a :class:`TeacherKind`, and its line in :data:`TEACHERS` (docs/method.md,
section 2, names each). Nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llkd.config import USUAL_MEMBERS, LabelSet, TeacherConfig, build
from llkd.errors import ConfigError
from llkd.teachers.api.kind import SERVER
from llkd.teachers.base import NO_EXAMPLES, FewShot, Meter, Teacher
from llkd.teachers.committee import COMMITTEE
from llkd.teachers.decisions.kinds import AUTO_KIND, DECISIONS_KIND, SYSTEM_ONE_KIND
from llkd.teachers.function import FUNCTION
from llkd.teachers.imported.kind import FILE
from llkd.teachers.kind import TeacherKind
from llkd.teachers.local.kinds import EMBEDDED, LOCAL
from llkd.teachers.similarity import SIMILARITY

TEACHERS: dict[str, TeacherKind] = {
    "embedded": EMBEDDED,
    "similarity": SIMILARITY,
    "local": LOCAL,
    "api": SERVER,
    "systemone": SYSTEM_ONE_KIND,
    "decisions": DECISIONS_KIND,
    "auto": AUTO_KIND,
    "file": FILE,
    "committee": COMMITTEE,
}
FROM_PROGRAMS: dict[str, TeacherKind] = {"function": FUNCTION}
"""Kinds that a program hands over; nobody can choose one, but labels of theirs are shown."""


def split(teacher: str) -> tuple[str, str]:
    """The kind's name and its argument (empty where there is none) of ``kind:argument``."""
    name, _, argument = teacher.partition(":")
    return name, argument.strip()


def argument_of(config: TeacherConfig) -> str:
    """What follows the colon: the model, the folder, the file."""
    return split(config.teacher)[1]


def price_name(config: TeacherConfig) -> str:
    """Under which name the price table has this teacher: that of its model.

    One that is paid for what it reads alone stands there as a teacher (``systemone:<model>``):
    that writing is free must not be taken for the price of the same model as a chat model.
    """
    return config.teacher if kind_of(config).reads_only else argument_of(config)


TRIED_TEXTS = 12
"""Texts that choose the way to ask where :func:`chooses_way` says that they do."""


def chooses_way(config: TeacherConfig) -> bool:
    """Whether these settings leave it open how log-probabilities are asked for."""
    reads = "ask" in kind_of(config).settings and config.confidence in {"auto", "logprob"}
    return reads and config.ask == "auto"


def kind_of(config: TeacherConfig) -> TeacherKind:
    """The kind of teacher that settings name. Raises ConfigError, listing the choices."""
    name = split(config.teacher)[0]
    kind = _registered(name)
    if kind is None:
        raise ConfigError(
            f"There is no teacher of the kind {name!r}. Choose one of: {', '.join(TEACHERS)}."
        )
    return kind


def _registered(name: str) -> TeacherKind | None:
    return TEACHERS.get(name) or FROM_PROGRAMS.get(name)


def can_be_made(config: TeacherConfig) -> bool:
    """Whether the program itself can make this teacher; one that was handed over it cannot."""
    return split(config.teacher)[0] in TEACHERS


def choices(*, pools: bool = True) -> str:
    """How every kind is named on the command line: 'embedded', 'local:<…>' or ….

    Without ``pools`` those that can be members of a committee.
    """
    *first, last = [
        repr(kind.usage) for kind in TEACHERS.values() if pools or not (kind.pools or kind.settles)
    ]
    return f"{', '.join(first)} or {last}" if first else last


def checked(config: TeacherConfig) -> TeacherConfig:
    """The settings, once their kind exists and has what it needs. Raises ConfigError."""
    name, argument = split(config.teacher)
    kind = TEACHERS.get(name)
    if kind is None or not kind.takes(argument):
        raise ConfigError(f"A teacher is {choices()}, but it was {config.teacher!r}.")
    if kind.pools:
        _check_members(config)
    for setting, sentence in kind.needs.items():
        if not getattr(config, setting):
            raise ConfigError(sentence)
    return config


def run_number(member: str) -> int | None:
    """The labelling run that a member of a committee is; None for one that is a teacher."""
    return int(member) if member.isascii() and member.isdigit() else None


def teachers_asked(config: TeacherConfig) -> list[TeacherConfig]:
    """The teachers that labelling with these settings asks: of a committee its members."""
    kind = TEACHERS.get(split(config.teacher)[0])
    if kind is None or not kind.pools:
        return [config]
    return [member_config(config, m) for m in config.members if run_number(m) is None]


def member_config(config: TeacherConfig, member: str) -> TeacherConfig:
    """The settings of one member, which are those of its pass without the committee."""
    alone = {"teacher": member, "members": USUAL_MEMBERS, "weights": "equal"}
    return build(TeacherConfig, config.model_dump() | alone)


def teachers_of(config: TeacherConfig) -> list[str]:
    """The names of those teachers."""
    return [each.teacher for each in teachers_asked(config)]


def priced(config: TeacherConfig) -> TeacherConfig | None:
    """The first of those teachers whose calls may cost money."""
    return next((each for each in teachers_asked(config) if kind_of(each).metered), None)


def with_free_writing(config: TeacherConfig, prices: Mapping[str, Any]) -> dict[str, Any]:
    """Prices in which what is written costs nothing, where that is so and nobody says otherwise.

    ``prices`` are settings of ``config.Spending``. So it is where all metered teachers asked are
    paid for what they read alone; then a budget needs only the price of tokens read.
    """
    metered = [kind for kind in map(kind_of, teachers_asked(config)) if kind.metered]
    free = metered and all(kind.reads_only for kind in metered)
    if free and prices.get("price_in") is not None and prices.get("price_out") is None:
        return {**prices, "price_out": 0.0}
    return dict(prices)


def _check_members(config: TeacherConfig) -> None:
    for member in teachers_asked(config):
        kind = TEACHERS.get(split(member.teacher)[0])
        if kind is None or kind.pools or kind.settles or not kind.takes(argument_of(member)):
            raise ConfigError(
                "A member of a committee is the number of a labelling run, or "
                f"{choices(pools=False)}, but it was {member.teacher!r}."
            )
        checked(member)


def teacher_settings(*values: Mapping[str, Any], **more: Any) -> TeacherConfig:
    """Settings of a teacher that exists: the one way in for what people typed.

    Raises ConfigError naming the setting, the rule and the value.
    """
    return checked(build(TeacherConfig, *values, **more))


def display_name(config: TeacherConfig) -> str:
    """What to call a pass with these settings; of a kind that is no more, what it was."""
    kind = _registered(split(config.teacher)[0])
    if kind is not None and kind.pools:
        return f"the committee of {_names_of_members(config)}"
    return config.teacher if kind is None else kind.named(argument_of(config))


def _names_of_members(config: TeacherConfig) -> str:
    *first, last = [
        f"labelling run {member}"
        if run_number(member) is not None
        else display_name(member_config(config, member))
        for member in config.members
    ]
    return f"{', '.join(first)} and {last}" if first else last


def described_kind(description: Mapping[str, Any]) -> TeacherKind | None:
    """The kind that a teacher's ``describe()`` names; None for one that is not registered."""
    return _registered(str(description.get("kind", "")))


def make_teacher(
    config: TeacherConfig,
    labels: LabelSet,
    home: Path,
    *,
    examples: FewShot = NO_EXAMPLES,
    meter: Meter | None = None,
) -> Teacher:
    """The teacher that ``config.teacher`` names.

    ``home`` is the folder under which converted weights are kept; ``examples`` stand in its
    prompts; ``meter`` watches what metered calls cost. Raises ConfigError for an unknown kind or a
    missing setting, ModelError or DataError where the teacher cannot be used.
    """
    kind = kind_of(config)
    return kind.make(checked(config), labels, home, examples, meter)
