"""The question as a person edits it, and as the teacher will read it.

Texts and examples are hostile: they stand only in code blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from llkd import curation
from llkd.config import PLACEHOLDERS, TeacherConfig, build
from llkd.store import Project, Store
from llkd.teachers.base import FewShot
from ui.shell import reads
from ui.shell.errors import show_errors
from ui.shell.wording import count, counted, plain, shortened

Field = Callable[[str], str]
_EXAMPLES = {
    "none": ("None", "The teacher sees the classes and the text, and no examples."),
    "fixed": ("Fixed", "The same examples in every prompt, drawn once from the labels there are."),
    "balanced": ("Balanced", "The same examples in every prompt, as many of each class as can be."),
    "nearest": (
        "Nearest",
        "For each text the labelled ones nearest to it in meaning: other examples for every text.",
    ),
}
_PROTOTYPES = {
    "none": ("None", "A class is its name and description."),
    "fixed": ("Fixed", "A class is its name, as four texts, and examples drawn from the labels."),
    "balanced": (
        "Balanced",
        "A class is its name, as four texts, and examples: as many of each class as can be.",
    ),
}
_SOURCES = {"human": "People's labels", "gold": "Gold of the pool"}
_OF_EXAMPLES = {"examples", "example_count", "example_source"}
_ROLES = {"system": "Instruction", "user": "Question", "assistant": "Answer"}
_WORD = re.compile(r"\{[A-Za-z_]+\}")
_PLACES = ("instruction", "question", "lead")


def prompt_fields(
    store: Store, project: Project, field: Field, start: TeacherConfig, *, lead: bool
) -> dict[str, Any]:
    """The widgets of the question; returns settings of :class:`TeacherConfig`, not yet checked."""
    st.caption(
        "The instruction may hold `{labels}` (the class names), `{descriptions}` (with what they "
        "mean) and `{examples}`; what it leaves out follows it. The question holds `{text}` once."
    )
    values: dict[str, Any] = {
        "instruction": st.text_area(
            "Instruction",
            start.instruction,
            help="What the teacher is told before the text. Ctrl+Enter redraws the preview.",
            key=field("instruction"),
            persist_state="session",
        ),
        "question": st.text_area(
            "Question",
            start.question,
            height=96,
            help="How each text is put to the teacher. Ctrl+Enter redraws the preview.",
            key=field("question"),
            persist_state="session",
        ),
    }
    if lead:
        values["lead"] = st.text_input(
            "Words that begin the answer",
            start.lead,
            live=True,
            help="A class name is scored as what follows these words (by a server only where it is "
            "asked behind a begun answer).",
            key=field("lead"),
            persist_state="session",
        )
    for sentence in misplaced(values):
        st.warning(plain(sentence), icon=":material/edit_note:")
    return values | _examples(store, project, field, start)


def misplaced(values: dict[str, Any]) -> list[str]:
    """A sentence for each word in braces that stands for nothing where it stands.

    A wrong ``{text}`` is left out: that is an error, which the settings themselves raise.
    """
    sentences = []
    for place in _PLACES:
        for word in dict.fromkeys(_WORD.findall(str(values.get(place, "")))):
            if word == "{text}":
                continue
            if place == "lead" and word in PLACEHOLDERS:
                sentences.append(
                    f"{word} belongs into the instruction; where the answer begins it is sent as "
                    "it stands."
                )
            elif word not in PLACEHOLDERS:
                sentences.append(
                    f"{word} is no placeholder and is sent as it stands. The four are "
                    f"{', '.join(PLACEHOLDERS)}."
                )
    return sentences


def prototype_fields(
    store: Store, project: Project, field: Field, start: TeacherConfig
) -> dict[str, Any]:
    """Whether texts that people labelled stand beside the names of the classes."""
    return _examples(store, project, field, start, "Examples beside the names", _PROTOTYPES)


def _examples(
    store: Store,
    project: Project,
    field: Field,
    start: TeacherConfig,
    title: str = "Examples in the prompt",
    choices: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    choices = choices or _EXAMPLES
    kind = st.segmented_control(
        plain(title),
        list(choices),
        default=start.examples if start.examples in choices else "none",
        required=True,
        format_func=lambda option: choices[option][0],
        key=field("examples"),
        persist_state="session",
    )
    st.caption(choices[kind][1])
    if kind == "none":
        return {"examples": kind}
    left, right = st.columns(2)
    number = left.number_input(
        "How many examples",
        1,
        64,
        start.example_count,
        key=field("example_count"),
        persist_state="session",
    )
    there = {source: labels_there(store, project, source) for source in _SOURCES}
    source = right.selectbox(
        "Whose labels they carry",
        list(_SOURCES),
        list(_SOURCES).index(start.example_source),
        format_func=lambda option: f"{_SOURCES[option]} ({count(there[option])})",
        key=field("example_source"),
        persist_state="session",
    )
    if there[source] < number:
        st.warning(
            f"There are only {counted(there[source], 'label')} to take examples from. "
            "Ask for fewer, or label some texts on the Curate page first.",
            icon=":material/label_off:",
        )
    return {"examples": kind, "example_count": number, "example_source": source}


def labels_there(store: Store, project: Project, source: str) -> int:
    """How many texts of the pool carry a label that an example may be made of."""
    key = (str(store.home.root), project.id, project.digest, store.decisions.version(project.id))
    return _labels_there(key, source, store, project)


@st.cache_data(show_spinner=False, max_entries=32)
def _labels_there(key: tuple[Any, ...], source: str, _store: Store, _project: Project) -> int:
    config = build(TeacherConfig, example_source=source)
    return len(curation.labelled_pool(_store, _project, config)[0])


def preview(
    store: Store, project: Project, config: TeacherConfig, rows: Sequence[int], field: Field
) -> None:
    """The turns that the teacher is sent for one of the texts, and how many tokens they take."""
    if not rows:
        return
    texts = reads.texts(store, project, ["text"])["text"]
    place = st.segmented_control(
        "Preview for text",
        range(len(rows)),
        default=0,
        required=True,
        format_func=lambda k: str(k + 1),
        help="As the teacher will read it; its chat template adds its own marks around the turns.",
        key=f"{field('preview')}_{len(rows)}",
    )
    text = str(texts.iloc[rows[place or 0]])
    with show_errors():
        turns = rendered(store, project, config, text)
        for role, words in turns:
            st.caption(_ROLES.get(role, shortened(role, 40)))
            code(words)
        st.caption(tokens(store, config, turns))


def rendered(
    store: Store, project: Project, config: TeacherConfig, text: str
) -> list[tuple[str, str]]:
    """The turns for ``text``, as (role, words). Raises UserError where there are no examples."""
    from llkd.teachers import prompt_preview

    key = (str(store.home.root), project.id, project.digest, store.decisions.version(project.id))
    few = _few_shot(key, config.model_dump_json(include=_OF_EXAMPLES), store, project, config)
    return prompt_preview.render(config, curation.label_set_of(project), text, few)


@st.cache_resource(show_spinner=False, max_entries=8)
def _few_shot(
    key: tuple[Any, ...], settings: str, _store: Store, _project: Project, _config: TeacherConfig
) -> FewShot:
    return curation.few_shot(_store, _project, _config)


def tokens(store: Store, config: TeacherConfig, turns: Sequence[tuple[str, str]]) -> str:
    """How many tokens these turns take, in words: counted, or about so many."""
    from llkd.teachers import prompt_preview

    file = prompt_preview.tokenizer_file(config, store.home.root)
    counts = [prompt_preview.count_tokens(words, file) for _, words in turns]
    number = sum(n for n, _ in counts)
    if all(exact for _, exact in counts):
        return f"{counted(number, 'token')}, and a few more for the marks between the turns."
    return f"About {counted(number, 'token')}, going by the letters."


def code(words: str) -> None:
    """Words that nobody vouches for, as they are; long ones scroll in a box of their own."""
    lines = sum(1 + len(line) // 70 for line in words.split("\n"))
    st.code(words, language=None, wrap_lines=True, height=260 if lines > 11 else "content")
