"""The login: nothing is read or shown before it, who may enter, and whose name signs."""

import ast
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.login_pages import AUTH, SECRETS, app_for, user
from tests.support.pages import ROOT, button, direct, opened, press, said
from tests.support.pages import words as words_of
from tests.support.seeded_projects import seeded_project
from ui.shell import login, login_settings, reads

PAGES = ["data", "teacher", "curate", "train", "results", "export"]


@pytest.mark.parametrize("page", PAGES)
def test_before_the_login_nothing_is_read_or_shown(page, home, monkeypatch):
    seeded_project(home, name="secret project")
    monkeypatch.setattr(reads, "store", lambda: pytest.fail("the store was opened"))
    app = app_for(page, project="secret project")
    assert not app.exception and not app.error
    assert [one.label for one in app.button] == ["Log in"]
    assert "secret project" not in words_of(app)
    assert not app.sidebar.selectbox and not app.get("page_link")


@pytest.mark.parametrize("page", PAGES)
def test_who_is_on_the_list_sees_the_page_and_their_name(page, home):
    seeded_project(home)
    app = app_for(page, who=user())
    assert not app.exception and not app.error
    assert app.title[0].value.lower() == page
    assert "Ann Example" in words_of(app)
    assert "Log out" in [one.label for one in app.sidebar.button]


def test_who_is_not_on_the_list_is_told_so_and_sees_nothing(home):
    seeded_project(home, name="secret project")
    app = app_for("curate", who=user("eve@example.org"), project="secret project")
    assert "eve@example.org is not on the list of those who may use this app." in said(app.error)
    assert [one.label for one in app.button] == ["Log out"]
    assert "secret project" not in words_of(app)


def test_every_named_provider_has_its_button(home):
    shared = {name: AUTH[name] for name in ("redirect_uri", "cookie_secret")}
    own = {name: AUTH[name] for name in ("client_id", "client_secret", "server_metadata_url")}
    app = app_for("data", {"auth": {**shared, "work": own, "school": own}})
    assert [one.label for one in app.button] == ["Log in with work", "Log in with school"]


def test_a_login_that_is_not_set_up_rightly_is_one_sentence(home):
    app = app_for("data", {"auth": {"client_id": "x"}})
    button(app, "Log in").click().run()
    assert not app.exception
    assert "The login is not set up rightly" in said(app.error)
    assert "docs/server.md" in said(app.error)


def test_without_a_list_nobody_enters(home):
    for rules in ({}, {"llkd": {}}, {"llkd": {"allowed_emails": "ann@example.org"}}):
        app = app_for("data", {"auth": AUTH, **rules}, who=user())
        assert "Nobody may enter yet" in said(app.error), rules


def test_secrets_that_cannot_be_read_let_nobody_in(home, tmp_path, monkeypatch):
    """Streamlit takes a broken secrets file for none: the login would silently be gone."""
    seeded_project(home, name="secret project")
    from streamlit import config
    from streamlit.runtime.secrets import Secrets

    broken = tmp_path / "secrets.toml"
    broken.write_text('[auth\nclient_id = "x"')
    before = config.get_option("secrets.files")
    monkeypatch.setattr("streamlit.secrets", Secrets())
    config.set_option("secrets.files", [str(broken)])
    try:
        app = direct("data")
    finally:
        config.set_option("secrets.files", before)
    assert "secrets file cannot be read, so nobody can be let in" in said(app.error)
    assert "secret project" not in words_of(app)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        (17, "is empty or no text"),
        ("...", "has fewer than 32 characters"),
        ("x" * 31, "has fewer than 32 characters"),
        ("short" + " " * 40, "has fewer than 32 characters"),
        ("change-me to something long and random", "looks like a placeholder"),
        ("<a secret of at least thirty-two characters>", "looks like a placeholder"),
    ],
)
def test_a_secret_that_others_can_guess_lets_nobody_in(home, secret, words):
    """Its owner's cookie and one made up look the same: whoever knows the secret signs both."""
    seeded_project(home, name="secret project")
    app = app_for("data", {**SECRETS, "auth": {**AUTH, "cookie_secret": secret}}, who=user())
    assert f"The cookie_secret under [auth] in the secrets {words}" in said(app.error)
    assert "token_urlsafe" in said(app.error)
    assert not app.button and "secret project" not in words_of(app)


def test_a_weak_secret_of_the_server_counts_where_the_login_has_none(home, monkeypatch):
    seeded_project(home, name="secret project")
    secrets = {**SECRETS, "auth": {k: v for k, v in AUTH.items() if k != "cookie_secret"}}
    assert app_for("data", secrets, who=user()).title[0].value == "Data"
    options = login_settings.st.get_option
    weak = {"server.cookieSecret": "weak"}
    monkeypatch.setattr(login_settings.st, "get_option", lambda n: weak.get(n) or options(n))
    app = app_for("data", secrets, who=user())
    assert "has fewer than 32 characters" in said(app.error)
    assert "secret project" not in words_of(app)


@pytest.mark.parametrize(
    ("secrets", "sentence"),
    [
        ({"llkd": {"allowed_emails": ["ann@example.org"]}}, "(allowed_emails is set) but have no"),
        ({"llkd": {"login_hours": 8}}, "(login_hours is set) but have no [auth]"),
        ({"llkd": {"allowed_emails": []}}, "(allowed_emails is set) but have no [auth]"),
        ({"allowed_emails": ["ann@example.org"]}, "(allowed_emails is set) but have no [auth]"),
        ({"llkd": "ann@example.org"}, "(llkd is set) but have no [auth]"),
        ({"Auth": AUTH}, "have a section [Auth] but none that is named [auth]"),
        ({"auth": "https://login.example.org"}, "give auth a single value"),
        ({"auth": []}, "give auth a single value"),
        ({"auth": True, "llkd": {"allowed_emails": ["*"]}}, "give auth a single value"),
    ],
)
@pytest.mark.parametrize("who", [None, user()], ids=["nobody", "somebody"])
def test_a_login_that_was_meant_but_cannot_be_stays_shut(home, secrets, sentence, who):
    """A list of who may enter and no way to tell who somebody is: not open to everybody."""
    seeded_project(home, name="secret project")
    app = app_for("data", secrets, who=who)
    assert sentence in said(app.error) and "nobody can be let in" in said(app.error)
    assert not app.button and "secret project" not in words_of(app)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[auth\n", b"a = 1\na = 2\n"])
def test_no_bad_secrets_file_lets_anybody_in(home, tmp_path, monkeypatch, content):
    from streamlit import config
    from streamlit.runtime.secrets import Secrets

    seeded_project(home, name="secret project")
    (tmp_path / "secrets.toml").write_bytes(content)
    before = config.get_option("secrets.files")
    monkeypatch.setattr("streamlit.secrets", Secrets())
    config.set_option("secrets.files", [str(tmp_path / "secrets.toml")])
    try:
        app = direct("data")
        for_the_terminal = login_settings.secrets_error()
    finally:
        config.set_option("secrets.files", before)
    assert not app.exception
    assert "secrets file cannot be read, so nobody can be let in" in said(app.error)
    assert str(tmp_path) not in words_of(app) and "secret project" not in words_of(app)
    assert str(tmp_path) in for_the_terminal


def test_without_auth_everybody_is_the_local_user(home):
    seeded_project(home)
    app = app_for("data", {"OPENAI_API_KEY": "k"})
    assert app.title[0].value == "Data"
    assert "Log out" not in [one.label for one in app.sidebar.button]


def test_a_label_carries_the_name_of_who_gave_it(home):
    store, project = seeded_project(home)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.session_state["_routed_again"] = True
    app.secrets, app.user = SECRETS, user()
    app.run()
    app.switch_page("pages/curate.py").run()
    app.run()
    app.toggle(key="curate_one_by_one").set_value(True).run()
    press(app, ("label", "waste"))
    decided = store.decisions.current(project.id)
    assert decided["who"].tolist() == ["Ann Example <ann@example.org>"]

    seeded_project(home, name="alone")
    app = opened("curate", project="alone")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    press(app, ("label", "waste"))
    alone = store.projects.get("alone")
    assert store.decisions.current(alone.id)["who"].tolist() == ["local user"]


def test_a_login_that_ends_while_the_page_is_open_is_asked_for_again(home):
    seeded_project(home)
    app = app_for("curate", who=user())
    assert app.title[0].value == "Curate"
    app.user = user(iat=time.time() - 25 * 3600)
    app.run()
    assert "This login is too old." in said(app.error)
    assert app.title[0].value == "LLKD Studio"


@pytest.mark.parametrize(
    ("email", "allowed", "inside"),
    [
        ("ann@example.org", ["ann@example.org"], True),
        ("Ann@Example.ORG", ["ann@example.org"], True),
        ("ann@team.example", ["@team.example"], True),
        ("ann@sub.team.example", ["@team.example"], False),
        ("ann@evilteam.example", ["@team.example"], False),
        ("ann@team.example.evil.example", ["@team.example"], False),
        ("eve@evil.example@team.example", ["ann@team.example"], False),
        ("@team.example", ["@team.example"], False),
        ("team.example", ["@team.example", "team.example"], False),
        ("", ["", "@"], False),
        (None, ["None"], False),
        ("anybody@anywhere.example", ["*"], True),
        ("ann@example.org", [], False),
    ],
)
def test_the_list_holds_addresses_and_whole_domains(email, allowed, inside):
    reason = login.refusal(user(email), {"allowed_emails": allowed})
    assert (reason is None) is inside, reason


@pytest.mark.parametrize(
    ("verified", "accepting", "inside"),
    [
        (True, False, True), ("true", False, True), (False, False, False), (False, True, False),
        ("false", True, False), (None, False, False), (None, True, True), (None, "yes", False),
    ],
)  # fmt: skip
def test_an_address_needs_somebody_who_vouches_for_it(verified, accepting, inside):
    rules = {"allowed_emails": ["@example.org"], "accept_unverified_emails": accepting}
    reason = login.refusal(user(email_verified=verified), rules)
    assert (reason is None) is inside
    assert inside or "does not vouch for the address ann@example.org" in reason


@pytest.mark.parametrize(
    "iat",
    [0, None, "soon", pytest.param(time.time() - 7 * 3600, id="seven hours ago"), float("nan")],
)
def test_a_login_lasts_as_long_as_the_rules_say(iat):
    rules = {"allowed_emails": ["*"], "login_hours": 6}
    assert "too old" in login.refusal(user(iat=iat), rules)
    assert login.refusal(user(iat=time.time() - 5 * 3600), rules) is None


@pytest.mark.parametrize(
    ("name", "email", "signed"),
    [
        ("Ann", "ann@example.org", "Ann <ann@example.org>"),
        (None, "ann@example.org", "ann@example.org"),
        ("Bob <bob@example.org>", "eve@example.org", "Bob bob@example.org <eve@example.org>"),
        ("A\u202enn\n", "ann@example.org", "Ann <ann@example.org>"),
    ],
)
def test_a_signature_shows_the_address_that_was_let_in(name, email, signed):
    assert login.signature({"name": name, "email": email}) == signed


def test_a_signature_fits_its_column_and_keeps_the_address():
    long = login.signature({"name": "n" * 500, "email": "ann@example.org"})
    assert len(long) == 200 and long.endswith(" <ann@example.org>")
    assert len(login.signature({"name": "n", "email": "e" * 500})) == 200


@pytest.mark.parametrize("page", PAGES)
def test_no_page_reads_anything_before_it_is_opened(page):
    """Every statement that runs before ``open_page`` only defines or imports something."""
    tree = ast.parse((Path(ROOT) / "pages" / f"{page}.py").read_text(encoding="utf-8"))
    harmless = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    for node in tree.body:
        later = {
            id(p) for one in ast.walk(node) if isinstance(one, ast.Lambda) for p in ast.walk(one)
        }
        calls = [p for p in ast.walk(node) if isinstance(p, ast.Call) and id(p) not in later]
        constant = isinstance(node, ast.Assign | ast.AnnAssign) and not calls
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, harmless) or constant or docstring:
            continue
        first = {getattr(one.func, "id", getattr(one.func, "attr", "")) for one in calls}
        assert "open_page" in first and first <= {"open_page", "show_errors", "_page"}, ast.unparse(
            node
        )
        break
    else:
        raise AssertionError("the page never calls open_page")
