"""A student in front of its teacher, in one process: who answers, what is kept, what it cost."""

import asyncio
import threading

import numpy as np
import pytest
from prometheus_client import generate_latest
from scipy import stats

from llkd.config import LabelSet, Spending, TeacherConfig
from llkd.errors import BudgetSpent, ModelError, UserError
from llkd.evaluation.answering import NotCertain
from llkd.labeling.cached_scoring import LabeledBatch
from llkd.serving.fallback import decider as decider_module
from llkd.serving.fallback import teacher_calls
from llkd.serving.fallback.making import (
    FallbackSettings,
    certificate_of,
    fallback_decider,
    student_answers,
)
from llkd.serving.fallback.stream import StreamMonitor, kolmogorov_smirnov
from llkd.serving.fallback.teacher_calls import NoTeacherAnswer, SentText, TeacherCalls
from llkd.serving.metrics import Metrics
from llkd.serving.questions import Option, Question, RequestRefused
from llkd.store.inbox import inbox_of
from tests.support.coroutines import result_of
from tests.support.fallback_projects import (
    CountingTeacher,
    clear_text,
    served_project,
    student_of,
    unclear_text,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("student")


def fallback(store, folder, teacher=None, target=0.95, **values):
    project, run, folder = served_project(store, folder)
    teacher = teacher or CountingTeacher()
    decider = fallback_decider(
        store,
        project,
        run,
        student_of(folder),
        FallbackSettings(answer_when=target, **values),
        make=lambda: teacher,
    )
    return decider, teacher, project


def sure_texts(folder, decider, number, start=1000):
    """Clear texts that the student answers itself."""
    texts = [clear_text(k) for k in range(start, start + 12 * number)]
    confidence = student_answers(student_of(folder), texts).confidence
    sure = [t for t, c in zip(texts, confidence, strict=True) if c >= decider.promise.threshold]
    return sure[:number]


def asked_of(decider, *batches, at_once=False):
    """The replies to each list of texts, in order or all at once; closed at the end."""

    async def work():
        await decider.start()
        try:
            if at_once:
                return list(await asyncio.gather(*(decider.classify(b) for b in batches)))
            return [await decider.classify(b) for b in batches]
        finally:
            await decider.close()

    return result_of(work())


def by(replies):
    return [reply.answered_by for reply in replies]


def kept(store, project):
    return list(inbox_of(store.home, project.id).entries())


def test_the_student_answers_what_it_is_certified_for_and_the_teacher_the_rest(store, folder):
    decider, teacher, project = fallback(store, folder)
    assert decider.promise.expected_share > 0.4
    sure = sure_texts(folder, decider, 2)
    texts = [sure[0], unclear_text(1002), sure[1]]
    (replies,) = asked_of(decider, texts)
    assert by(replies) == ["student", "teacher", "student"]
    classes = ["goal" in t or "match" in t or "team" in t or "coach" in t for t in sure]
    assert [replies[0].best == 0, replies[2].best == 0] == classes
    assert replies[1].probabilities.tolist() == pytest.approx([0.8, 0.2])
    assert teacher.asked == [texts[1]]
    (entry,) = kept(store, project)
    assert (entry.text, entry.teacher_label, entry.reason) == (
        texts[1],
        "sports",
        "below threshold",
    )
    assert entry.confidence < decider.promise.threshold and entry.classes == ("sports", "money")
    assert np.exp(entry.scores).tolist() == pytest.approx([0.8, 0.2])
    assert decider.counts == {"student": 2, "teacher": 1, "cache": 0, "student_below_threshold": 0}


def test_what_the_certificate_says_is_so_of_the_graph_that_answers(store, folder):
    project, run, folder = served_project(store, folder)
    student = student_of(folder)
    certificate = certificate_of(store, project, run, student, 0.95)
    texts = store.projects.texts(project.id)
    held_out = texts[texts["split"] == "eval"]

    async def classified():
        await student.start()
        replies = await student.classify(held_out["text"].tolist())
        await student.close()
        return replies

    replies = result_of(classified())
    sure = [r for r in replies if r.confidence >= certificate.threshold]
    wrong = sum(
        student.classes[r.best] != gold
        for r, gold in zip(replies, held_out["gold"], strict=True)
        if r.confidence >= certificate.threshold
    )
    assert (len(sure), wrong) == (certificate.answered, certificate.wrong)
    assert 1 - wrong / len(sure) > 0.95 and certificate.texts == 300


def test_nothing_is_asked_twice_now_or_after_a_restart(store, folder):
    decider, teacher, project = fallback(store, folder, CountingTeacher(seconds=0.02))
    text, other = unclear_text(1), unclear_text(2)
    lists = asked_of(decider, *[[text, other]] * 5, at_once=True)
    assert sorted(teacher.asked) == sorted([text, other])
    assert {reply.answered_by for replies in lists for reply in replies} == {"teacher"}
    again = CountingTeacher()
    decider = fallback_decider(
        store, project, store.runs.all(project.id)[0], student_of(folder),
        FallbackSettings(answer_when=0.95), make=lambda: again,
    )  # fmt: skip
    (replies,) = asked_of(decider, [text, unclear_text(3)])
    assert again.asked == [unclear_text(3)]
    assert (decider.counts["cache"], decider.counts["teacher"]) == (1, 1)
    assert replies[0].tokens < replies[1].tokens
    assert {e.text for e in kept(store, project)} == {text, other, unclear_text(3)}


def test_a_failing_teacher_leaves_the_students_own_answer_marked_or_none(store, folder):
    broken = CountingTeacher(fails=lambda text: ModelError("The server is down."))
    decider, _, project = fallback(store, folder, broken)
    (sure,) = sure_texts(folder, decider, 1)
    (replies, later) = asked_of(decider, [unclear_text(5), sure], [unclear_text(6)])
    assert by(replies) == ["student_below_threshold", "student"]
    assert by(later) == ["student_below_threshold"]  # left alone for a while, and still kept
    assert {e.text: e.teacher_label for e in kept(store, project)} == {
        unclear_text(5): None,
        unclear_text(6): None,
    }
    strict = fallback_decider(
        store, project, store.runs.all(project.id)[0], student_of(folder),
        FallbackSettings(answer_when=0.95, otherwise="refuse"), make=lambda: broken,
    )  # fmt: skip
    with pytest.raises(RequestRefused, match="The server is down") as refusal:
        asked_of(strict, [unclear_text(7)])
    assert refusal.value.status == 503 and refusal.value.retry_after


def test_a_spent_budget_an_unusable_answer_and_a_slow_teacher_are_told_apart(store, folder):
    poor = unclear_text(11)

    def fails(text):
        return BudgetSpent("The budget is spent.") if text == unclear_text(10) else None

    decider, _, _ = fallback(
        store, folder, CountingTeacher(fails=fails, without={poor}), patience=60.0
    )
    metrics = Metrics(("/predict",))
    decider.register(metrics)
    asked_of(decider, [unclear_text(10)], [poor], [unclear_text(12)])
    words = generate_latest(metrics.registry).decode()
    assert 'llkd_teacher_unanswered_total{why="budget"} 1.0' in words
    assert 'llkd_teacher_unanswered_total{why="no_answer"} 1.0' in words
    assert 'llkd_answers_total{by="teacher"} 1.0' in words


def test_who_gives_up_waiting_takes_the_answer_from_nobody(store, folder):
    decider, teacher, project = fallback(store, folder, CountingTeacher(seconds=0.5), patience=0.05)
    metrics = Metrics(("/predict",))
    decider.register(metrics)
    (replies,) = asked_of(decider, [unclear_text(1)])
    assert by(replies) == ["student_below_threshold"]
    assert 'why="late"} 1.0' in generate_latest(metrics.registry).decode()
    # The call that was under way at the stop is finished, kept and recorded.
    assert teacher.asked == [unclear_text(1)]
    assert [e.teacher_label for e in kept(store, project)] == ["sports"]


def test_texts_that_gave_up_in_line_are_kept_for_the_project(store, folder, monkeypatch):
    monkeypatch.setattr(decider_module, "MOST_WAITING", 1)
    slow = CountingTeacher(seconds=0.5)
    decider, teacher, project = fallback(store, folder, slow, patience=0.1)
    texts = [unclear_text(k) for k in range(4)]
    (replies,) = asked_of(decider, texts)
    assert by(replies) == ["student_below_threshold"] * 4
    # One was handed over and is answered at the stop; the others never left the line.
    assert len(teacher.asked) == 1
    answers = {entry.text: entry.teacher_label for entry in kept(store, project)}
    assert set(answers) == set(texts)
    assert sorted(map(str, answers.values())) == ["None", "None", "None", "sports"]


def test_a_late_text_is_in_the_inbox_before_its_answer_goes_out(store, folder):
    go_on = threading.Event()

    class Held(CountingTeacher):
        def score(self, texts):
            go_on.wait(60)
            yield from super().score(texts)

    decider, teacher, project = fallback(store, folder, Held(), patience=0.05)

    async def work():
        await decider.start()
        replies = await decider.classify([unclear_text(1)] * 2)
        before = kept(store, project)
        go_on.set()
        await decider.close()
        return replies, before

    replies, (before,) = result_of(work())
    assert by(replies) == ["student_below_threshold"] * 2
    assert (before.teacher_label, before.times) == (None, 2)
    (after,) = kept(store, project)
    assert (after.teacher_label, after.times) == ("sports", 2)  # its answer is no third coming
    assert teacher.asked == [unclear_text(1)]


def test_nobody_else_waits_for_a_teacher_that_hangs_until_it_says_something(caplog):
    now, go_on = [0.0], threading.Event()

    class Held(CountingTeacher):
        def score(self, texts):
            go_on.wait(60)
            yield from super().score(texts)

    def score(teacher, texts):
        return (LabeledBatch(batch, False) for batch in teacher.score(texts))

    recorded = []
    calls = TeacherCalls(
        Held, score, lambda batch, place: np.exp(batch.scores[place]),
        lambda sent, batch, place: recorded.append(sent.text), silence=30.0, clock=lambda: now[0],
    )  # fmt: skip
    calls.start()
    first = calls.ask(SentText("a", 0, 0.5, "below threshold"))
    now[0] = 29.0
    assert calls.ask(SentText("a", 0, 0.5, "below threshold")) is first
    second = calls.ask(SentText("b", 0, 0.5, "below threshold"))
    now[0] = 31.0
    for text in ("c", "a"):
        with pytest.raises(NoTeacherAnswer, match="said nothing for 31 seconds") as refusal:
            calls.ask(SentText(text, 0, 0.5, "below threshold"))
        assert refusal.value.reason == "late"
    said = [r.getMessage() for r in caplog.records]
    assert said == ["The teacher has said nothing for 31 s; nobody waits."]
    go_on.set()
    assert first.result(60).probabilities.tolist() == pytest.approx([0.8, 0.2])
    second.result(60)
    assert calls.ask(SentText("c", 0, 0.5, "below threshold")).result(60).tokens == 8
    calls.close()
    assert recorded == ["a", "b", "c"]


def test_every_caller_of_a_text_that_is_being_asked_about_is_counted(store, folder):
    decider, teacher, project = fallback(store, folder, CountingTeacher(seconds=0.1))
    asked_of(decider, *[[unclear_text(1)]] * 20, at_once=True)
    assert teacher.asked == [unclear_text(1)]
    (entry,) = kept(store, project)
    assert (entry.times, entry.teacher_label) == (20, "sports")


def test_what_the_teacher_still_holds_at_the_stop_is_kept(store, folder, monkeypatch):
    monkeypatch.setattr(teacher_calls, "CLOSING_SECONDS", 0.1)
    go_on = threading.Event()

    class Held(CountingTeacher):
        def score(self, texts):
            go_on.wait(60)
            yield from super().score(texts)

    decider, _, project = fallback(store, folder, Held())
    texts = [unclear_text(k) for k in range(3)]

    async def work():
        await decider.start()
        asked = asyncio.gather(*(decider.classify([text]) for text in texts))
        while decider.waiting < len(texts):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await decider.close()
        return await asked

    replies = result_of(work())
    go_on.set()
    assert by([reply for (reply,) in replies]) == ["student_below_threshold"] * 3
    assert {entry.text for entry in kept(store, project)} == set(texts)


def test_an_inbox_that_cannot_be_written_stops_no_answer_and_no_metrics(store, folder, caplog):
    broken = CountingTeacher(fails=lambda text: ModelError("The server is down."))
    decider, _, project = fallback(store, folder, broken)
    metrics = Metrics(("/predict",))
    decider.register(metrics)
    store.home.inbox(project.id).mkdir(parents=True)
    first, paused = asked_of(decider, [unclear_text(5)], [unclear_text(6)])
    assert by(first + paused) == ["student_below_threshold"] * 2
    assert sum("not kept for the project" in r.getMessage() for r in caplog.records) == 2
    words = generate_latest(metrics.registry).decode()
    assert "llkd_inbox_texts NaN" in words and "llkd_inbox_full NaN" in words


def test_refused_texts_belong_to_the_share_that_the_student_answers(store, folder):
    broken = CountingTeacher(fails=lambda text: ModelError("The server is down."))
    decider, _, _ = fallback(store, folder, broken, otherwise="refuse")
    (sure,) = sure_texts(folder, decider, 1)

    async def work():
        await decider.start()
        await decider.classify([sure])
        for k in range(3):
            with pytest.raises(RequestRefused):
                await decider.classify([unclear_text(k)])
        await decider.close()

    result_of(work())
    assert decider.answered_share == 0.25


def test_questions_with_some_of_the_classes(store, folder):
    decider, teacher, project = fallback(store, folder)
    money = next(t for t in sure_texts(folder, decider, 6) if "stock" in t or "bank" in t)

    async def work():
        await decider.start()
        both = Question("choice", (Option("money"), Option("sports")))
        one = Question("choice", (Option("sports"),))
        sure = await decider.decide(money, [both])
        # The class that the student is sure of is no option: nothing is certified of its next best.
        beside = await decider.decide(money, [one, both])
        with pytest.raises(RequestRefused):
            await decider.decide("a", [Question("choice", (Option("weather"),))])
        await decider.close()
        return sure, beside

    sure, beside = result_of(work())
    assert by(sure) == ["student"] and sure[0].probabilities[0] > 0.6
    assert by(beside) == ["teacher", "teacher"]
    assert beside[0].probabilities.tolist() == [1.0]
    assert (beside[0].mass, beside[1].mass) == (pytest.approx(0.8), None)
    assert beside[1].probabilities.tolist() == pytest.approx([0.2, 0.8])
    assert (beside[0].tokens > 0, beside[1].tokens) == (True, 0)
    assert teacher.asked == [money]
    assert [entry.reason for entry in kept(store, project)] == ["class not offered"]


def test_metrics_card_and_health_say_what_is_promised_and_what_was_saved(store, folder):
    decider, _, project = fallback(store, folder, spending=Spending(price_in=1e6, price_out=0.0))
    metrics = Metrics(("/predict",))
    decider.register(metrics)
    asked_of(decider, [*sure_texts(folder, decider, 9), unclear_text(1000)])
    words = generate_latest(metrics.registry).decode()
    assert "At least 95 % of what the student answers itself is right" in words
    assert "llkd_answered_share 0.9" in words
    assert "llkd_certified_precision 0.95" in words
    assert f"llkd_answer_threshold {decider.promise.threshold}" in words
    assert "llkd_inbox_texts 1.0" in words
    assert decider.promise.sentence in decider.card()
    assert "It knows `<b>two</b>` classes" in decider.card()
    facts = decider.facts()
    assert facts["certificate"] == decider.promise.sentence
    assert facts["answered"]["student"] == 9
    assert unclear_text(1000) not in words + decider.card() + str(facts)


def test_what_cannot_be_served_so_is_a_sentence(store, folder):
    project, run, folder = served_project(store, folder, clear=30, unclear=30)

    def start(settings):
        return fallback_decider(store, project, run, student_of(folder), settings)

    with pytest.raises(NotCertain, match="From no confidence on is it certain"):
        start(FallbackSettings(answer_when=0.95, teacher=TeacherConfig(teacher="embedded")))
    with pytest.raises(UserError, match="cannot answer new texts"):
        start(FallbackSettings(answer_when=0.5, teacher=TeacherConfig(teacher="file:x.csv")))
    lost = TeacherConfig(teacher="api:m", base_url="http://127.0.0.1:9/v1", confidence="none")
    first = fallback_decider(
        store, project, run, student_of(folder), FallbackSettings(answer_when=0.5, teacher=lost)
    )
    with pytest.raises(UserError, match="Another server already asks this teacher"):
        start(FallbackSettings(answer_when=0.5, teacher=lost))
    asked_of(first)  # started and stopped, it lets go
    start(FallbackSettings(answer_when=0.5, teacher=lost))
    store.projects.set_label_set(project.id, LabelSet.of(["sports", "money", "weather"]))
    project = store.projects.get("toy")
    with pytest.raises(UserError, match="classes changed after run .* \\(weather\\)"):
        start(FallbackSettings(answer_when=0.5, teacher=TeacherConfig(teacher="embedded")))


def test_the_stream_is_watched_and_a_change_is_said_once(store, folder, caplog):
    decider, _, _ = fallback(store, folder)
    same = [clear_text(k) if k % 3 else unclear_text(k) for k in range(2000, 2300)]
    other = [unclear_text(k) for k in range(3000, 3600)]
    with caplog.at_level("WARNING", "llkd.serving"):
        asked_of(decider, same)
    assert decider.monitor.windows == 1 and not decider.monitor.unlike
    assert not caplog.records
    decider, _, _ = fallback_again(store, folder)
    with caplog.at_level("WARNING", "llkd.serving"):
        asked_of(decider, other)
    assert decider.monitor.windows == 2 and decider.monitor.unlike
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == 1 and "unlike those that certified the student" in said[0]


def fallback_again(store, folder):
    project = store.projects.get("toy")
    decider = fallback_decider(
        store, project, store.runs.all(project.id)[0], student_of(folder),
        FallbackSettings(answer_when=0.95), make=CountingTeacher,
    )  # fmt: skip
    return decider, None, project


def test_the_test_of_two_samples_is_smirnovs():
    rng = np.random.default_rng(0)
    for n, m, shift in ((60, 300, 0.0), (300, 300, 0.05), (260, 300, 0.2)):
        first, second = np.sort(rng.random(n)), np.sort(rng.random(m) + shift)
        ours = kolmogorov_smirnov(first, second)
        assert ours == pytest.approx(stats.ks_2samp(first, second).pvalue, abs=0.03)
    assert kolmogorov_smirnov(np.empty(0), np.ones(3)) == 1.0


def test_a_stream_that_is_alike_is_rarely_called_unlike():
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(60):
        monitor = StreamMonitor(rng.random(500), window=100, level=0.01)
        for value in rng.random(1000):
            alarms += monitor.add(value) is True
    assert alarms <= stats.binom.isf(1e-4, 600, 0.01)
