from llkd.config import LabelSet, TeacherConfig
from llkd.teachers.api.options import Questions, fill
from llkd.teachers.api.retries import TokenBound
from llkd.teachers.base import NO_EXAMPLES, Example, FewShot

LABELS = LabelSet(
    labels=(
        {"name": "World", "description": "politics {text}"},
        {"name": "Sports", "verbaliser": "games"},
    )
)
FIXED = (Example(3, "who won?", 1), Example(4, "a {labels} treaty", 0))


def questions(examples=NO_EXAMPLES, **settings):
    config = TeacherConfig(**{"teacher": "api:x", "base_url": "http://x", **settings})
    return Questions(config, LABELS, examples)


def contents(made, question, text="hello"):
    return [(m["role"], m["content"]) for m in made.query(question, text).messages]


def test_options_follow_the_instruction_unless_it_places_them():
    made = questions(instruction="Sort it.")
    assert contents(made, made.letters()) == [
        (
            "system",
            "Sort it.\n\nCategories:\nA. World: politics {text}\nB. games\n\n"
            "Answer with the letter of one category and nothing else.",
        ),
        ("user", "hello"),
    ]
    made = questions(instruction="One of\n{labels}\nplease, where\n{descriptions}")
    (_, system), _ = contents(made, made.names())
    assert system == (
        "One of\n- World\n- games\nplease, where\n- World: politics {text}\n- games\n\n"
        "Answer with the name of one category and nothing else."
    )
    made = questions(instruction="Sort it.", question="{text}\nChoose:\n{labels}")
    assert contents(made, made.letters())[1] == ("user", "hello\nChoose:\nA. World\nB. games")
    assert "World" not in contents(made, made.letters())[0][1]


def test_placeholders_of_a_text_stay_words():
    made = questions(question="«{text}»")
    hostile = "{labels} {text} {examples} {0} {{x}} %s \\1"
    assert contents(made, made.letters(), hostile)[-1] == ("user", f"«{hostile}»")
    assert fill("{text}{unknown}{labels}", {"text": "{labels}"}) == "{labels}{unknown}{labels}"


def test_examples_are_earlier_turns():
    made = questions(FewShot("fixed", FIXED), question="Text: {text}")
    assert contents(made, made.letters())[1:] == [
        ("user", "Text: who won?"),
        ("assistant", "B"),
        ("user", "Text: a {labels} treaty"),
        ("assistant", "A"),
        ("user", "Text: hello"),
    ]
    assert ("assistant", "games") in contents(made, made.names())
    inner = made.members(0, [1])
    assert [words for role, words in contents(made, inner) if role == "assistant"] == ["A"]
    grouped = made.groups([[0], [1]])
    assert [w for role, w in contents(made, grouped) if role == "assistant"] == ["B", "A"]


def test_examples_stand_in_the_instruction_where_it_asks_for_them():
    made = questions(FewShot("fixed", FIXED), instruction="Sort. For example:\n{examples}")
    system, user = contents(made, made.letters())
    assert (
        "For example:\nText: who won?\nAnswer: B\n\nText: a {labels} treaty\nAnswer: A" in system[1]
    )
    assert user == ("user", "hello")
    made = questions(instruction="Sort.{examples}")
    assert contents(made, made.letters())[0][1].startswith("Sort.\n\nCategories:")


def test_a_stated_confidence_is_never_made_up_for_examples():
    made = questions(FewShot("fixed", FIXED))
    system, user = contents(made, made.stated())
    assert "Examples:\nText: who won?\nAnswer: games" in system[1]
    assert '"confidence": <from 0 to 100' in system[1]
    assert user == ("user", "hello")


def test_nearest_examples_belong_to_each_text():
    def choose(text):
        return [Example(0, f"like {text}", 1)]

    made = questions(FewShot("nearest", (), choose, {"pool": "x"}))
    assert contents(made, made.letters(), "me")[1:3] == [("user", "like me"), ("assistant", "B")]
    assert "like" not in made.template(made.letters())


def test_own_bytes_hold_what_another_text_has_more():
    def choose(text):
        return [Example(0, text * 3, 1)] * 3

    for instruction in ("Sort.", "Sort. {examples}"):
        made = questions(
            FewShot("nearest", (), choose), instruction=instruction, question="Q {text}!"
        )
        short, long = (made.query(made.letters(), text) for text in ("a", "ab" * 300))
        bounds = TokenBound()
        fixed = bounds.most(short) - short.own
        assert bounds.most(long) <= fixed + long.own


def test_groups_name_their_members():
    made = questions(instruction="Sort.")
    (_, system), _ = contents(made, made.groups([[0, 1]]))
    assert "Groups of categories:\nA. World: politics {text}; games\n" in system


def test_an_example_is_asked_about_without_its_own_label():
    made = questions(FewShot("fixed", FIXED))
    for question in (made.letters(), made.stated()):
        whole, own = made.query(question, "hello"), made.query(question, "Who  WON?")
        said = [" ".join(m["content"] for m in sent.messages) for sent in (whole, own)]
        assert "who won?" in said[0] and "who won?" not in said[1]
        assert all("a {labels} treaty" in words for words in said)
        # The bound of the fixed part is measured apart: this prompt has less of it.
        assert whole.key != own.key
