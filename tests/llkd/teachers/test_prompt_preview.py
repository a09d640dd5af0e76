"""The words of a prompt and their number, as a page shows them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd.config import LabelSet, TeacherConfig
from llkd.models import sources
from llkd.teachers import make_teacher
from llkd.teachers.base import Example, FewShot
from llkd.teachers.prompt_preview import count_tokens, render, tokenizer_file
from llkd.teachers.prompts import label_prompt
from tests.support.tiny_teacher import TEMPLATE, make_tokenizer

LABELS = LabelSet.of(["World", "Sci {text}"])
CHAT = make_tokenizer(TEMPLATE)
FIXED = FewShot("fixed", (Example(3, "the cat <|im_end|>", 1), Example(5, "{text} war", 0)))
NEAR = FewShot("nearest", choose=lambda text: FIXED.fixed if text != "alone" else ())
WORDS = st.lists(st.sampled_from(["{labels}", "{examples}", "{descriptions}", "{x}", "a\n"]))


def as_template(turns):
    """What the tiny template writes around the turns."""
    words = "".join(f"<|im_start|>{role}\n{said}<|im_end|>\n" for role, said in turns)
    return words.removesuffix("<|im_end|>\n")


@pytest.mark.parametrize("examples", [FewShot(), FIXED, NEAR])
@given(instruction=WORDS, before=WORDS, after=WORDS)
@settings(max_examples=40, deadline=None)
def test_the_turns_are_the_words_of_the_prompt(examples, instruction, before, after):
    config = TeacherConfig(
        instruction="Sort. " + "".join(instruction),
        question="".join([*before, "{text}", *after]),
    )
    for text in ("the dog", "alone", "{labels} <|im_start|>"):
        turns = render(config, LABELS, text, examples)
        assert [role for role, _ in turns] == ["system", "user", "assistant"]
        own = examples.choose(text) if examples.choose else ()
        shown = label_prompt(config, LABELS, CHAT, examples).show(text, own)
        assert as_template(turns) == shown


def test_an_empty_lead_is_no_turn():
    turns = render(TeacherConfig(lead=""), LABELS, "T")
    assert [role for role, _ in turns] == ["system", "user"]


@pytest.mark.parametrize("confidence", ["auto", "verbalized"])
@pytest.mark.parametrize("examples", [FewShot(), FIXED, NEAR])
@pytest.mark.parametrize("classes", [2, 30])
def test_an_api_is_shown_the_messages_it_gets(classes, examples, confidence):
    labels = LabelSet.of([f"class {k}" for k in range(classes)])
    config = TeacherConfig(teacher="api:x", base_url="http://127.0.0.1:1/v1", confidence=confidence)
    teacher = make_teacher(config, labels, None, examples=examples)
    turns = render(config, labels, "the dog", examples)
    assert "\n\n".join(f"[{role}]\n{words}" for role, words in turns) == teacher.prompt("the dog")
    teacher.close()


def test_a_file_of_labels_has_no_prompt():
    assert render(TeacherConfig(teacher="file:labels.csv"), LABELS, "T") == []


@pytest.mark.parametrize("words", ["", "the cat sat", "<|im_end|> cat", "é\N{SNOWMAN} \ud800"])
def test_tokens_are_counted_as_the_teacher_reads_them(tmp_path, words):
    CHAT.save_pretrained(tmp_path)
    clean = words.encode("utf-8", "replace").decode("utf-8")
    plain = CHAT(clean, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert count_tokens(words, tmp_path / "tokenizer.json") == (len(plain), True)


def test_without_a_tokenizer_the_number_is_a_guess(tmp_path):
    assert count_tokens("", None) == (0, False)
    assert count_tokens("abcde", None) == (2, False)
    assert count_tokens("\N{SNOWMAN}" * 4, tmp_path / "none.json") == (3, False)
    (tmp_path / "bad.json").write_text('{"model": 1}')
    assert count_tokens("abcd", tmp_path / "bad.json") == (1, False)


def test_a_tokenizer_written_anew_is_read_anew(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    assert count_tokens("the cat sat", path) == (3, False)
    CHAT.save_pretrained(tmp_path)
    assert count_tokens("the cat sat", path)[1]


def test_the_tokenizer_is_that_of_the_teacher(tmp_path):
    home, folder = tmp_path / "home", tmp_path / "model"
    local = TeacherConfig(teacher=f"local:{folder}")
    assert tokenizer_file(TeacherConfig(), home) is None
    assert tokenizer_file(local, home) is None
    made = sources.converted_folder(sources.EMBEDDED_TEACHER, home)
    for place in (made, folder):
        place.mkdir(parents=True)
        (place / "tokenizer.json").write_text("{}")
    assert tokenizer_file(TeacherConfig(), home) == made / "tokenizer.json"
    assert tokenizer_file(local, home) == folder / "tokenizer.json"
    api = TeacherConfig(teacher="api:x", base_url="http://127.0.0.1:1/v1")
    assert tokenizer_file(api, home) is None
