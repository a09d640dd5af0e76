"""One page after another in a real Chromium: what was asked for the page that was left comes late.

The sidebar and the cards of jobs ask by the clock. What a browser sent just before it heard of the
new page reaches a busy server after it; here it is held back and let through at that moment.
"""

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.support.browser import settled
from tests.support.seeded_projects import living_job, seeded_project
from tests.support.seeded_runs import add_run

pytestmark = pytest.mark.browser


class Late:
    """Stands between the browser and the server, and holds back what is asked by the clock."""

    def __init__(self, page):
        self.held = {}
        self.open = True
        page.route_web_socket(lambda url: "_stcore/stream" in url, self._between)

    def _between(self, browser):
        self.server = browser.connect_to_server()
        browser.on_message(self._take)

    def _take(self, message):
        asked = BackMsg.FromString(message) if isinstance(message, bytes) else BackMsg()
        if asked.rerun_script.is_auto_rerun and not self.open:
            self.held[asked.rerun_script.fragment_id] = message
        else:
            self.server.send(message)

    def hold(self, page, parts):
        """Hold back until this many parts of the page have asked."""
        self.open = False
        for _ in range(400):
            if len(self.held) >= parts:
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"only {len(self.held)} parts of the page asked")

    def let_through(self):
        """What was held back reaches the server now, and what is asked later at once."""
        self.open = True
        for message in self.held.values():
            self.server.send(message)


TO_EXPORT = ("Export this student", "What to export")
TO_RESULTS = ("Compare the results", "One run in detail")
WAYS = [
    ("results", "One run in detail", *TO_EXPORT, "What a run trained on", "With the student of"),
    ("train", "Finished runs (2)", *TO_RESULTS, "Per class", "F1 balances precision"),
]


@pytest.mark.parametrize(("address", "there", "button", "then", "choice", "answer"), WAYS)
def test_what_is_asked_for_the_page_before_does_not_clear_the_next(
    server, page, address, there, button, then, choice, answer
):
    store, project = seeded_project(server.home)
    for strategy in ("llkd", "all"):
        add_run(store, project, strategy)
    late = Late(page)
    with living_job(store, project, "train"):
        page.goto(f"{server.url}/{address}")
        settled(page, there)
        # The card of the job on Train has a clock of its own.
        late.hold(page, 2 if address == "train" else 1)
        page.get_by_role("button", name=button).click()
        settled(page, then)
        late.let_through()
        # Answered after what was late: then it has done what it does.
        page.get_by_text(choice, exact=True).click()
        settled(page, answer)
        # And the new page's own clock goes on.
        store.jobs.update(store.jobs.all(project.id)[0].id, done=45)
        page.get_by_text("45 of 60 steps").first.wait_for()
        assert page.get_by_role("dialog").count() == 0
    assert page.problems == []
