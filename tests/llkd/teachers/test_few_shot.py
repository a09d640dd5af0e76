"""Placeholders and few-shot examples in a prompt, hostile ones among them."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd.config import LabelSet, TeacherConfig, build
from llkd.errors import ConfigError
from llkd.teachers.base import NO_EXAMPLES, Example, FewShot
from llkd.teachers.few_shot import LONGEST_CHARACTERS, example_text
from llkd.teachers.local.teacher import LocalTeacher
from llkd.teachers.local.tokens import PromptEncoder, fitting_encoder, shortener
from llkd.teachers.prompts import PLACEHOLDER, label_prompt
from tests.support.tiny_teacher import SPECIAL, TEMPLATE, make_llama, make_tokenizer

LABELS = build(
    LabelSet,
    labels=[
        {"name": "World", "description": "wars and {labels}"},
        {"name": "Sci", "verbaliser": "science"},
    ],
)
CHAT = make_tokenizer(TEMPLATE)
PLAIN = make_tokenizer()
FIXED = FewShot(
    "fixed",
    (Example(3, "the cat sat", 1), Example(5, "a  war\nended", 0)),
    identity={"kind": "fixed", "rows": [[3, 1], [5, 0]]},
)
BLOCK = "Text: the cat sat\nCategory: science\n\nText: a war ended\nCategory: World"
NAMES = "- World\n- science"
LIST = "- World: wars and {labels}\n- science"


def prompt_of(tokenizer=None, examples=NO_EXAMPLES, **settings):
    config = TeacherConfig(**{"instruction": "Sort.", "lead": "So:", **settings})
    return label_prompt(config, LABELS, tokenizer, examples)


def nearest(choose):
    return FewShot("nearest", choose=choose, identity={"kind": "nearest", "rows": []})


@pytest.mark.parametrize(
    ("instruction", "question", "expected"),
    [
        ("Sort.", "{text}", f"Sort.\n\nCategories:\n{LIST}\n\nText:\nT\n\nSo:"),
        ("Of\n{labels}\nwhich?", "{text}", f"Of\n{NAMES}\nwhich?\n\nText:\nT\n\nSo:"),
        ("A {descriptions} B", "Is {text} so?", f"A {LIST} B\n\nIs T so?\n\nSo:"),
        ("Sort.", "{labels}: {text}!", f"Sort.\n\n{NAMES}: T!\n\nSo:"),
        ("{label} {x}{labels}", "{text}", "{label} {x}" + NAMES + "\n\nText:\nT\n\nSo:"),
        ("{{labels}} %s {0}", "{text}", "{" + NAMES + "} %s {0}\n\nText:\nT\n\nSo:"),
        ("no {examples}!", "{text}", f"no !\n\nCategories:\n{LIST}\n\nText:\nT\n\nSo:"),
    ],
)
def test_placeholders_are_replaced_once_and_only_the_known_ones(instruction, question, expected):
    assert prompt_of(instruction=instruction, question=question).show("T") == expected


def test_examples_follow_the_classes_or_stand_where_they_are_asked_for():
    after = prompt_of(examples=FIXED).show("T")
    assert after == f"Sort.\n\nCategories:\n{LIST}\n\nExamples:\n{BLOCK}\n\nText:\nT\n\nSo:"
    placed = prompt_of(examples=FIXED, instruction="Like\n{examples}\nof {labels}.").show("T")
    assert placed == f"Like\n{BLOCK}\nof {NAMES}.\n\nText:\nT\n\nSo:"
    behind = prompt_of(examples=FIXED, question="{text} as in {examples}").show("T")
    assert behind == f"Sort.\n\nCategories:\n{LIST}\n\nT as in {BLOCK}\n\nSo:"


def test_what_is_put_in_is_never_read_for_placeholders():
    sly = FewShot("fixed", (Example(0, "see {labels} {text} {examples}", 0),))
    prompt = prompt_of(examples=sly)
    assert "Text: see {labels} {text} {examples}\n" in prompt.show("T")
    assert prompt.show("{labels} {examples}").count("{labels} {examples}") == 1
    assert len(prompt.own) == 1


@given(st.lists(st.sampled_from(["{labels}", "{text}", "{examples}", "{", "}", "a"]), max_size=9))
@settings(max_examples=60, deadline=None)
def test_no_example_text_changes_where_the_text_stands(pieces):
    text = "".join(pieces)
    prompt = prompt_of(CHAT, FewShot("fixed", (Example(0, text, 0),)))
    words = f"Text: {example_text(text)}\nCategory: World"
    assert words in prompt.show("T")
    assert prompt.after == prompt_of(CHAT).after


@pytest.mark.parametrize("tokenizer", [CHAT, PLAIN])
@pytest.mark.parametrize("own", [False, True])
@given(pieces=st.lists(st.sampled_from([*SPECIAL, "cat", "\n", "<|", "im_end|>"]), max_size=9))
@settings(max_examples=40, deadline=None)
def test_no_example_can_break_out_of_the_template(tokenizer, own, pieces):
    examples = (Example(0, "".join(pieces), 0), Example(1, "<|im_end|>", 1))
    few = nearest(lambda text: examples) if own else FewShot("fixed", examples)
    prompt, ids = fitting_encoder(TeacherConfig(), LABELS, tokenizer, few)
    whole = ids.prefix + ids.encode(["T"], [examples] if own else ())[0] + ids.suffix
    special = set(tokenizer.convert_tokens_to_ids(SPECIAL))
    assert sum(i in special for i in whole) == (5 if tokenizer is CHAT else 0)
    assert tokenizer.decode(whole) == prompt.show("T", examples if own else None)


def test_the_lead_begins_the_answer_and_may_be_empty():
    assert prompt_of(CHAT, lead="So:").show("T").endswith("<|im_start|>assistant\nSo:")
    assert prompt_of(CHAT, lead="So:").answers == (" World", " science")
    for lead in ("", "So:\n", "So: "):
        prompt = prompt_of(CHAT, lead=lead)
        assert prompt.show("T").endswith(f"<|im_start|>assistant\n{lead}")
        assert prompt.answers == ("World", "science")
        ids = PromptEncoder(CHAT, prompt, 64)
        assert [CHAT.decode(answer) for answer in ids.answers] == ["World", "science"]


def test_fixed_examples_are_read_once_and_near_ones_with_the_text():
    plain = PromptEncoder(CHAT, prompt_of(CHAT), 64)
    fixed = PromptEncoder(CHAT, prompt_of(CHAT, FIXED), 64)
    assert CHAT.decode(fixed.prefix).count("Category:") == 2
    assert fixed.encode(["dog"]) == plain.encode(["dog"])
    few = nearest(lambda text: FIXED.fixed)
    prompt = prompt_of(CHAT, few)
    ids = PromptEncoder(CHAT, prompt, 64)
    assert CHAT.decode(ids.prefix).endswith("- science")
    row = ids.encode(["dog"], [FIXED.fixed])[0]
    assert CHAT.decode(row) == (f"\n\nExamples:\n{BLOCK}<|im_end|>\n<|im_start|>user\ndog")
    assert CHAT.decode(ids.prefix + row + ids.suffix) == prompt.show("dog", FIXED.fixed)
    assert ids.show("dog", FIXED.fixed) == prompt_of(CHAT, FIXED).show("dog")


def test_a_text_without_near_examples_has_no_heading():
    prompt = prompt_of(CHAT, nearest(lambda text: ()))
    assert prompt.show("T", ()) == prompt_of(CHAT).show("T")
    assert "Examples:\n{examples}" in prompt.show("T")


def test_near_examples_may_stand_behind_the_text():
    prompt = prompt_of(CHAT, nearest(lambda text: ()), question="{text} like {examples}, so")
    ids = PromptEncoder(CHAT, prompt, 64)
    row = ids.encode(["dog", "cat"], [FIXED.fixed, ()])
    assert CHAT.decode(row[0]) == f"dog like {BLOCK}"
    assert CHAT.decode(row[1]) == "cat like "
    assert CHAT.decode(ids.suffix).startswith(", so")


def test_an_example_is_one_line_without_its_middle_when_long():
    assert example_text("a\n\nb \t c") == "a b c"
    long = example_text("start " + "x" * 5_000_000 + " end")
    assert len(long) <= LONGEST_CHARACTERS
    assert long.startswith("start x")
    assert long.endswith("x end")
    assert example_text("y" * LONGEST_CHARACTERS) == "y" * LONGEST_CHARACTERS


@pytest.mark.parametrize("text", ["z " * 300, "\N{SNOWMAN}" * 250, "cat", "", "q\ud800"])
def test_an_example_has_at_most_64_tokens(text):
    short = shortener(CHAT)(text)
    assert len(CHAT(short)["input_ids"]) <= 64
    if text == "cat":
        assert short == text


def test_examples_give_way_to_the_text_where_the_model_reads_little(caplog):
    many = FewShot("fixed", tuple(Example(i, f"the cat {i} " * 3, i % 2) for i in range(12)))
    config = TeacherConfig(instruction="Sort.", max_text_tokens=40)
    room = len(PromptEncoder(CHAT, label_prompt(config, LABELS, CHAT), 40).prefix) + 40
    prompt, ids = fitting_encoder(config, LABELS, CHAT, many, room + 160)
    kept = prompt.show("T").count("Category:")
    assert 1 <= kept < 12
    assert f"{kept} of 12 examples fit" in caplog.text
    assert "the cat 11" in prompt.show("T")
    assert ids.max_text_tokens == 40
    longest = len(ids.prefix) + 40 + len(ids.suffix) + max(map(len, ids.answers))
    assert longest <= room + 160
    with pytest.raises(ConfigError, match="no room is left for a text"):
        fitting_encoder(config, LABELS, CHAT, many, 40)


def test_near_examples_give_way_text_by_text():
    few = tuple(Example(i, f"the cat {i} " * 3, i % 2) for i in range(12))
    config = TeacherConfig(instruction="Sort.", max_text_tokens=100)
    prompt, ids = fitting_encoder(config, LABELS, CHAT, nearest(lambda text: few), 400)
    texts = ["dog", "dog " * 300]
    rows = ids.encode(texts, [few, few])
    counts = [CHAT.decode(row).count("Category:") for row in rows]
    assert counts[0] > counts[1] >= 1
    assert ids.dropped == 24 - sum(counts)
    answer = max(map(len, ids.answers))
    for text, row, count in zip(texts, rows, counts, strict=True):
        assert len(ids.prefix) + len(row) + len(ids.suffix) + answer <= 400
        assert ids.show(text, few).count("Category:") == count
    assert "the cat 11" in CHAT.decode(rows[1])


def scores_of(teacher, texts):
    found = np.full((len(texts), 2), np.nan)
    for batch in teacher.score(texts):
        found[batch.index] = batch.scores
    return found


def test_near_examples_score_as_the_same_fixed_ones():
    """Each text with its own examples in its row, against a teacher that has them in its prefix."""
    pool = [Example(i, words, i % 2) for i, words in enumerate(["the cat", "a war", "dog", "mat"])]
    texts = ["world record", "the match was won", "small talk", ""]
    chosen = {text: pool[i : i + 2] for i, text in enumerate(texts)}
    chosen[""] = []

    def teacher_with(few):
        config = TeacherConfig(instruction="Sort.")
        return LocalTeacher(make_llama(), CHAT, LABELS, config, identity={}, examples=few)

    near = teacher_with(nearest(lambda text: chosen.get(text, [])))
    assert near.scorer.fast
    found = scores_of(near, texts)
    for i, text in enumerate(texts):
        fixed = teacher_with(FewShot("fixed", tuple(chosen[text])))
        np.testing.assert_allclose(found[i], scores_of(fixed, [text])[0], atol=1e-4)
        assert near.prompt(text) == fixed.prompt(text)
    assert np.ptp(found, axis=0).max() > 0.1


def test_the_description_tells_examples_question_and_lead_apart():
    def described(few=NO_EXAMPLES, **settings):
        config = TeacherConfig(**settings)
        teacher = LocalTeacher(MODEL, CHAT, LABELS, config, identity={}, examples=few)
        return json.dumps(teacher.describe(), sort_keys=True)

    near = nearest(lambda text: FIXED.fixed)
    other = FewShot("nearest", choose=near.choose, identity={"kind": "nearest", "rows": [[1, 0]]})
    found = [
        described(),
        described(FIXED),
        described(near),
        described(other),
        described(question="Text: {text}"),
        described(lead="Answer:"),
    ]
    assert all(one != two for one, two in itertools.combinations(found, 2))
    assert '"examples"' not in found[0]


MODEL = make_llama()


def test_an_instruction_of_examples_alone_is_read(tmp_path):
    few = nearest(lambda text: FIXED.fixed)
    config = TeacherConfig(instruction="{examples}")
    teacher = LocalTeacher(MODEL, PLAIN, LABELS, config, identity={}, examples=few)
    assert np.isfinite(scores_of(teacher, ["dog", "the cat"])).all()


def test_only_four_words_are_placeholders():
    assert PLACEHOLDER.findall("{labels}{descriptions}{examples}{text}{a}{}") == [
        "labels",
        "descriptions",
        "examples",
        "text",
    ]


def test_an_example_is_asked_about_without_its_own_label():
    """On 0.3.0 its prompt said which class it is of."""
    config = TeacherConfig(instruction="Sort.")

    def teacher_with(few):
        return LocalTeacher(make_llama(), CHAT, LABELS, config, identity={}, examples=few)

    teacher = teacher_with(FIXED)
    texts = ["small talk", "The  cat SAT", "a war ended", "the match was won", "the cat sat"]
    found = scores_of(teacher, texts)
    for i, left_out in ((1, 0), (2, 1), (4, 0)):
        rest = tuple(e for k, e in enumerate(FIXED.fixed) if k != left_out)
        alone = teacher_with(FewShot("fixed", rest))
        np.testing.assert_allclose(found[i], scores_of(alone, [texts[i]])[0], atol=1e-4)
        shown = teacher.prompt(texts[i])
        assert shown == alone.prompt(texts[i]) and BLOCK not in shown
    assert BLOCK in teacher.prompt("small talk")
    assert not np.allclose(found[4], _with_all(teacher, texts[4]), atol=1e-4)


def _with_all(teacher, text):
    """What it says where the prompt shows every example, this text among them."""
    return next(teacher.score_batches([text])).scores[0]
