"""A project in which every word is an attack, on all six pages: shown as it is, and nothing more."""

import numpy as np
import pytest

from llkd.config import LabelSet, TeacherConfig
from llkd.config.selection_rule import read_rule
from llkd.evaluation import audits
from llkd.store import Scores
from tests.support.browser import settled
from tests.support.seeded_projects import ended_job, seeded_project
from tests.support.seeded_runs import add_run

pytestmark = pytest.mark.browser
# What runs, what is fetched, what becomes a link, what is set in type or colour.
ATTACKS = [
    "<img src='http://evil.invalid/i.png' onerror='window.pwned=1'>",
    "<script>window.pwned=1</script><svg onload='window.pwned=1'>",
    "![x](http://evil.invalid/m.png) [press](http://evil.invalid/l)",
    "<a href='javascript:window.pwned=1'>press</a> javascript:window.pwned=1",
    "$\\href{http://evil.invalid/k}{x}$ $$\\frac{1}{2}$$ :red[red] :material/home:",
    "http://evil.invalid/bare www.evil.invalid eve@evil.invalid",
    "%{x} %{customdata} <b>bold</b><br><sup>2</sup> `code` # head",
    "</textarea></style><style>body{display:none}</style>",
]
CLASSES = ["[a](http://evil.invalid/c1)", "<img src=//evil.invalid/c2>", "$x$ :red[c3] <b>c3</b>"]
NAME = "<img src=//evil.invalid/p onerror=window.pwned=1> [p](http://evil.invalid/p) $p$ :red[p]"
PAGES = ["data", "teacher", "curate", "train", "results", "export"]


@pytest.fixture
def attacked(home):
    """Hostile texts, classes, descriptions, names, answers, warnings, jobs and selections."""
    store, project = seeded_project(home, 80, name=NAME, names=CLASSES, words=ATTACKS)
    described = LabelSet.model_validate(
        {"labels": [{"name": c, "description": ATTACKS[k]} for k, c in enumerate(CLASSES)]}
    )
    store.projects.set_label_set(project.id, described)
    labeling_run = store.labeling_runs.get(project.labelling_id)
    add_run(store, project, "llkd")
    add_run(store, project, "all")
    store.decisions.decide(project.id, [1, 2], "label", CLASSES[1], who=ATTACKS[0])
    store.decisions.decide(project.id, [3], "flag")
    store.selections.save(
        project.id,
        ATTACKS[2],
        read_rule({"teacher_threshold": 0.5, "student_threshold": 0.2, "calibration": "batch"}),
        {"kept": 1},
    )
    # A pass whose answers could not be used: the teacher's own words are shown.
    other = store.labeling_runs.find_or_create(
        project.id,
        label_set=labeling_run.label_set,
        config=TeacherConfig(teacher="api:" + ATTACKS[1], base_url="http://127.0.0.1:9/v1"),
        fingerprint="answers",
        teacher={"kind": "api", "name": ATTACKS[1]},
        calibration="none",
    )
    rows = np.arange(6)
    store.labeling_runs.append(
        other,
        Scores(
            rows,
            np.full((6, 3), np.nan, dtype=np.float32),
            np.full(6, -1),
            np.full(6, "none", dtype=object),
            np.array(ATTACKS[:6], dtype=object),
        ),
    )
    audit = audits.start_audit(store, project, people=2, who=ATTACKS[0])
    for who, name in zip(ATTACKS[:2], CLASSES, strict=False):
        row = int(store.audits.order(audit)[0])
        audits.answer(store, audit, row, name, who=who)
    failed = "\n".join(ATTACKS)
    ended_job(store, project, "failed", "label", error=ATTACKS[0], log=failed)
    ended_job(store, project, "died", "train", error=ATTACKS[2], log=failed)
    ended_job(store, project, "failed", "export", error=ATTACKS[4], log=failed)
    store.close()
    return project, other


def harmless(page, where):
    """Nothing of the attacks has become an element, in the page or in a shadow root of it."""
    found = page.evaluate(
        """() => {
          const seen = [];
          const visit = root => {
            for (const e of root.querySelectorAll('*')) {
              const at = [...e.attributes].map(a => a.name + '=' + a.value).join(' ');
              const tag = e.tagName.toLowerCase();
              // The steps' own links carry the project's name, encoded, in their address.
              const own = tag == 'a' && e.host == location.host && e.protocol == location.protocol;
              if (!own && ['img', 'a', 'script', 'iframe', 'style', 'link', 'object', 'use', 'image']
                    .includes(tag) && /evil|pwned/i.test(at + (tag == 'a' ? '' : e.textContent)))
                seen.push(tag + ' ' + at);
              if (e.getAttributeNames().some(n => /^on/.test(n)) && /pwned/.test(at))
                seen.push('handler ' + at);
              if (e.classList.contains('katex')) seen.push('katex ' + e.textContent);
              if (tag == 'span' && e.children.length == 0 && /^(red|p|c3)$/.test(e.textContent)
                    && /color/.test(e.getAttribute('style') ?? ''))
                seen.push('coloured ' + e.textContent);
              if (['b', 'strong', 'sup'].includes(tag) && /^(bold|c3|2)$/.test(e.textContent))
                seen.push(tag + ' ' + e.textContent);
              if (e.shadowRoot) visit(e.shadowRoot);
            }
          };
          visit(document);
          return [...seen, ...(window.pwned ? ['a script ran'] : [])];
        }"""
    )
    assert not found, f"{where}: {'; '.join(found)}"


def test_an_attack_in_every_word_stays_a_word(server, page, attacked, home):
    project, other = attacked
    outside, dialogs = [], []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(
                (server.url, server.url.replace("http", "ws"), "data:", "blob:")
            )
            else outside.append(request.url)
        ),
    )
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for number in (None, other.id):
        if number is not None:
            from llkd.store import Store

            store = Store(home)
            store.projects.use_labelling(project.id, number)
            store.close()
        for name in PAGES:
            page.goto(f"{server.url}/{name}")
            settled(page)
            heading = page.get_by_role("heading", level=1).first
            heading.wait_for()
            assert heading.inner_text().strip().lower() == name
            page.wait_for_timeout(700)  # charts and the plane draw after the script has ended
            harmless(page, f"{name}, pass {number}")
            for folded in page.locator("summary").all():
                if folded.is_visible():
                    folded.click()
            for point in page.locator(".js-plotly-plot .nsewdrag, .js-plotly-plot path").all()[:4]:
                if point.is_visible():
                    point.hover(force=True, timeout=2000, trial=False)
            settled(page)
            harmless(page, f"{name} unfolded, pass {number}")
    page.goto(f"{server.url}/curate?audit=1")
    page.get_by_label("Your name").fill("<b>bold</b> [press](http://evil.invalid/l)")
    harmless(page, "who audits")
    page.get_by_role("button", name="Begin").click()
    page.locator(".llkd-goal:not([hidden]) progress").wait_for()
    settled(page)
    page.get_by_text("Settle differences").click()
    settled(page)
    page.wait_for_timeout(300)
    harmless(page, "an audit's desk")
    # The other side of the proof: the words are there to be read, as they were written.
    page.goto(f"{server.url}/data")
    page.wait_for_function(
        "[...document.querySelectorAll('input')].some(e => e.value.includes('evil.invalid/p'))"
    )
    assert outside == [] and dialogs == []
    assert page.problems == []


def test_the_search_would_see_an_attack_that_worked(page):
    page.set_content(
        "<p><a href='http://evil.invalid'>x</a></p><div id=h></div><script>"
        "h.attachShadow({mode:'open'}).innerHTML='<img alt=evil>'; window.pwned=1</script>"
    )
    with pytest.raises(AssertionError) as caught:
        harmless(page, "planted")
    for words in ("a href=http://evil.invalid", "img alt=evil", "a script ran"):
        assert words in str(caught.value)
