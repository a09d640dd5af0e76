"""What the code may never do, read from the code itself; and the settings the server starts with."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from llkd.config import OrderConfig, SelectionConfig, TeacherConfig, TrainingConfig, build
from llkd.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
OURS = [
    ROOT / "app.py",
    *sorted((ROOT / "llkd").rglob("*.py")),
    *sorted((ROOT / "ui").rglob("*.py")),
    *sorted((ROOT / "pages").glob("*.py")),
]
SCRIPTS = [*sorted((ROOT / "benchmarks").glob("*.py")), *sorted((ROOT / "docs").glob("*.py"))]

RUN_ANYTHING = {
    "pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code",
    "codeop", "imp",
}  # fmt: skip
NEVER_CALLED = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.execv", "os.execvp",
    "os.spawnv", "torch.load", "yaml.load", "yaml.load_all", "yaml.full_load",
    "yaml.full_load_all", "yaml.unsafe_load", "yaml.unsafe_load_all", "joblib.load", "pd.read_pickle", "pandas.read_pickle",
    "tempfile.mktemp", "subprocess.getoutput", "subprocess.getstatusoutput", "torch.hub.load",
    "st.html", "components.html", "components.iframe", "st.iframe",
}  # fmt: skip
NEVER_METHODS = {"to_pickle", "read_pickle", "extractall", "unpack_archive"}


def forbidden(source):
    """What of the above a source does, as ``line: what``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        found += [f"{node.lineno}: {what}" for what in _of(node)]
    return found


def _of(node):
    if isinstance(node, ast.Import):
        return [f"import {one.name}" for one in node.names if _top(one.name) in RUN_ANYTHING]
    if isinstance(node, ast.ImportFrom):
        whole = {f"{node.module}.{one.name}" for one in node.names}
        return [f"from {node.module}"] * (_top(node.module or "") in RUN_ANYTHING) + sorted(
            whole & NEVER_CALLED
        )
    if isinstance(node, ast.Dict):
        return [
            "trust_remote_code"
            for key, value in zip(node.keys, node.values, strict=True)
            if getattr(key, "value", None) == "trust_remote_code" and not _is(value, False)
        ]
    return _of_call(node) if isinstance(node, ast.Call) else []


def _of_call(call):
    called = ast.unparse(call.func)
    said = []
    if called in NEVER_CALLED or getattr(call.func, "attr", "") in NEVER_METHODS:
        said.append(called)
    options = {one.arg: one.value for one in call.keywords}
    if "shell" in options and not _is(options["shell"], False):
        said.append("shell")
    if "trust_remote_code" in options and not _is(options["trust_remote_code"], False):
        said.append("trust_remote_code")
    if "unsafe_allow_html" in options or "unsafe_allow_javascript" in options:
        said.append("unsafe_allow_html")
    if called in {"np.load", "numpy.load"} and not _is(options.get("allow_pickle"), False):
        said.append("np.load without allow_pickle=False")
    return said


def _is(node, value):
    return isinstance(node, ast.Constant) and node.value is value


def _top(name):
    return name.split(".")[0]


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_opens_pickle_or_runs_what_it_reads(path):
    found = [one.partition(": ")[2] for one in forbidden(path.read_text(encoding="utf-8"))]
    # One style sheet of our own, a constant in which no word of anybody stands.
    assert found == (["st.html"] if path == ROOT / "ui" / "shell" / "appearance.py" else [])


def test_the_style_sheet_is_a_constant():
    tree = ast.parse((ROOT / "ui" / "shell" / "appearance.py").read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert names == {"st", "_STYLE", "_BUTTON", "_BUTTON_HOVER"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_nor_does_a_script(path):
    assert forbidden(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "planted",
    [
        "import pickle", "from pickle import loads", "import joblib", "torch.load(path)",
        "from torch import load", "eval(text)", "exec(text)", "os.system(name)", "yaml.load(f)",
        "from yaml import unsafe_load", "yaml.full_load(f)",
        "subprocess.run(x, shell=True)", "subprocess.run(x, shell=flag)", "frame.to_pickle(p)",
        "AutoModel.from_pretrained(x, trust_remote_code=True)", "f(trust_remote_code=config.trust)",
        "safe = {'trust_remote_code': wanted}", "st.markdown(text, unsafe_allow_html=True)",
        "st.html(text)", "np.load(path)", "np.load(path, allow_pickle=True)", "archive.extractall()",
    ],
)  # fmt: skip
def test_the_search_finds_what_is_planted(planted):
    assert len(forbidden(planted)) == 1


def test_every_loader_says_that_foreign_code_stays_off():
    """Absent would do today; said, it cannot change under us."""
    loads = []
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "from_pretrained":
                names = {one.arg for one in node.keywords}
                spread = {ast.unparse(one.value) for one in node.keywords if one.arg is None}
                loads.append(path.name)
                assert "trust_remote_code" in names or "safe" in spread, ast.unparse(node)
    assert len(loads) >= 6


def test_no_setting_turns_foreign_code_on():
    for config in (TeacherConfig, TrainingConfig, SelectionConfig, OrderConfig):
        names = " ".join(config.model_fields)
        assert not any(word in names for word in ("trust_remote", "remote_code", "pickle"))
    with pytest.raises(ConfigError, match="trust_remote_code"):
        build(TeacherConfig, trust_remote_code=True)


def test_importing_reaches_nothing_outside():
    code = """
import importlib, pkgutil, socket, sys
def refuse(self, address, *_):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        raise SystemExit(f"a connection to {address}")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *a, **k: sys.exit(f"a name was looked up: {a[0]}")
import llkd, ui
names = [m.name for p in (llkd, ui) for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")]
names = [n for n in names if ".migrations" not in n and not n.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) > 150


# Elements that read Markdown, and the part of a call that they read it from.
MARKUP = {
    "press_once",
    "write", "markdown", "error", "warning", "info", "success", "caption", "title", "header",
    "subheader", "toast", "metric", "expander", "radio", "button", "table", "checkbox", "toggle",
    "download_button", "page_link", "link_button", "popover", "status", "spinner", "badge",
    "progress", "pills", "segmented_control", "text_input", "number_input", "selectbox",
    "text_area", "file_uploader", "multiselect", "slider", "form_submit_button",
}  # fmt: skip
# Names under which words of the data, of people, of teachers or of files travel.
FOREIGN = {
    "name", "names", "text", "texts", "source", "raw", "reply", "error", "message", "path", "file",
    "title", "sentence", "reason", "label", "labels", "prompt", "host", "url", "words", "stem",
    "who", "detail", "note", "gold", "id", "description", "verbalizer", "content", "value",
}  # fmt: skip
MAKES_SAFE = {"plain", "count", "counted", "share", "score", "len", "duration", "when", "size"}
# What looks foreign and is ours: words fixed in the code, or numbers.
KNOWN_GOOD = {
    ("ui/data/overview.py", "label"): "one of two constants",
    ("pages/teacher.py", "in_use.id"): "a number",
    ("ui/shell/unbroken.py", "label"): "looked at in the callers of press_once",
    ("ui/shell/page.py", "HISTORY.file"): "a page's own file, a constant",
    ("ui/curate/filter_bar.py", "FILTER_KINDS[kind].title"): "titles of the kinds, constants",
    ("ui/shell/page.py", "title"): "each page's own name, a constant",
    ("ui/shell/page.py", "sentence"): "constants of the pages",
    ("ui/shell/page.py", "label"): "constants of the callers",
    ("ui/shell/page.py", "step.name"): "the six steps",
    ("ui/shell/page.py", "step.file"): "the six steps",
    ("ui/shell/page.py", "state.words"): "words of ui.shell.steps, made of numbers",
    ("ui/curate/actions.py", "words"): "names of the actions, constants",
    ("ui/curate/controls.py", "label"): "presets, constants",
    ("ui/curate/review.py", "label"): "Back and Next",
    ("ui/curate/replay.py", "title"): "constants",
    ("ui/curate/table.py", "label"): "names of the five actions",
    ("ui/train/comparison.py", "run.id"): "a number",
    ("ui/data/classes.py", "label"): "one of two constants",
    ("ui/data/drafts.py", "label"): "constants of the callers",
    ("ui/data/preview.py", "label"): "constants of the callers",
    ("ui/shell/login.py", "label"): "a constant, or plain with the provider's name",
    ("ui/teacher/trial/dry_run.py", "side.name"): "A or B",
    ("ui/teacher/trial/estimate.py", "name"): "constants",
    ("ui/teacher/setup/plan.py", "title"): "one of two constants",
    ("ui/teacher/setup/prices.py", "label"): "constants of the callers",
    ("ui/teacher/setup/server_key.py", "sentence"): "constants",
    ("ui/teacher/report/unusable_answers.py", "label"): "names of the actions",
    ("ui/teacher/prompt_comparison/form.py", "label"): "constants of the callers",
    ("pages/teacher.py", "label"): "made of a number",
    ("pages/export.py", "choice.run.name"): "a run's name is its strategy and number",
    ("ui/export/preview.py", "path"): "_what chooses one of our words by the ending",
    ("ui/teacher/report/calibration.py", "fit['source']"): "rows_in_words chooses our words by it",
    ("ui/results/cartography.py", "title"): "the region's words, constants",
    ("ui/results/confusion.py", "label"): "one of two constants",
    ("ui/teacher/trial/dry_run.py", "gold"): "right_words counts them",
    ("ui/runs/choice.py", "label"): "constants of the callers",
    ("ui/runs/choice.py", "note"): "a constant of the caller",
    ("ui/data/drafts.py", "where.sentence"): "a constant where paths are refused",
    ("ui/shell/downloads.py", "note"): "made of a size and plain words by its caller",
    ("ui/teacher/setup/choosers.py", "kind.argument.label"): "a constant of the kind",
    ("ui/teacher/setup/choosers.py", "TeacherConfig.model_fields[name].description"): "ours",
    ("ui/train/comparison.py", "name"): "label_of chooses our words by it",
    ("ui/results/tryout.py", "run.name"): "a run's name is its strategy and number",
}


def foreign_words(source):
    """Foreign names that a call puts before a reader of Markdown, as ``line, expression``."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        if getattr(call.func, "attr", getattr(call.func, "id", "")) not in MARKUP:
            continue
        shown = [*call.args[:1], *(k.value for k in call.keywords if k.arg in {"help", "label"})]
        for part in shown:
            found += [(part.lineno, expression) for expression in _foreign(part)]
    return found


def _foreign(node):
    if isinstance(node, ast.Call):
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if called in MAKES_SAFE:
            return []
        return [one for arg in [*node.args, *node.keywords] for one in _foreign(arg)]
    if isinstance(node, ast.IfExp):
        return _foreign(node.body) + _foreign(node.orelse)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "TERMS":
        return []
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        name = node.slice.value
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        if name in FOREIGN:
            return [ast.unparse(node)]
        return _foreign(node.value) if isinstance(node, ast.Subscript) else []
    return [one for child in ast.iter_child_nodes(node) for one in _foreign(child)]


PAGES = [path for path in OURS if path.relative_to(ROOT).parts[0] in {"ui", "pages", "app.py"}]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_foreign_words_reach_markup_only_as_plain_text(path):
    file = path.relative_to(ROOT).as_posix()
    found = [
        (line, words)
        for line, words in foreign_words(path.read_text(encoding="utf-8"))
        if (file, words) not in KNOWN_GOOD
    ]
    assert found == [], "wrap it in ui.shell.wording.plain, or say in KNOWN_GOOD why it is ours"


@pytest.mark.parametrize(
    ("planted", "seen"),
    [
        ("st.markdown(project.name)", ["project.name"]),
        ("left.metric(f'{text}', 1)", ["text"]),
        ("st.button('x', help=row['text'])", ["row['text']"]),
        ("st.caption(f'{shortened(text)}')", ["text"]),
        ("st.caption('a' if name else error)", ["error"]),
        ("press_once(project.name, key='x')", ["project.name"]),
        ("st.caption(plain(project.name))", []),
        ("st.caption(f'{plain(text)} {count(n)}')", []),
        ("st.text(project.name)", []),
        ("st.dataframe(text)", []),
    ],
)
def test_the_search_finds_foreign_words(planted, seen):
    assert [words for _, words in foreign_words(planted)] == seen


def test_the_server_starts_closed():
    """The settings of the server, each against what it is there for."""
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    server, client = settings["server"], settings["client"]
    assert server["address"] == "127.0.0.1", "reachable from this machine only"
    assert server["allowedHosts"] == ["localhost", "127.0.0.1"], "no rebound host name"
    assert server["headless"] is True, "opens no browser and asks nothing"
    assert server["fileWatcherType"] == "none"
    assert server["maxUploadSize"] == 200
    assert settings["browser"]["gatherUsageStats"] is False, "nothing is told to anybody"
    assert client["showErrorDetails"] == "type", "no traceback, no message of an error"
    assert client["showErrorLinks"] is False
    assert client["toolbarMode"] == "viewer"
    assert client["allowedOrigins"] == ["https://nobody.invalid"], "no page gives the app orders"
    assert settings["logger"]["hideWelcomeMessage"] is True, "no address without its token"


def test_streamlit_serves_the_app_behind_the_gate():
    """``streamlit run app.py`` looks for an application in the file, without running it."""
    from streamlit.web.server.app_discovery import discover_asgi_app

    found = discover_asgi_app(ROOT / "app.py")
    assert found.is_asgi_app and found.import_string == "app:app"
    code = """
from app import app
from ui.entrance.gate import Gate
(gate,) = app._user_middleware
print(gate.cls is Gate, gate.kwargs["tickets"] is not None)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True True"


def test_no_setting_opens_what_streamlit_keeps_shut():
    """Said by Streamlit's own reading of the settings: what is not in the file has its default."""
    code = """
from streamlit import config
config.get_config_options(force_reparse=True)
for name in ("enableXsrfProtection", "enableCORS", "enableStaticServing", "enableAgentApi",
             "trustedUserHeaders", "corsAllowedOrigins", "runOnSave", "sslKeyFile"):
    print(name, config.get_option("server." + name))
print("files", config.get_option("runner.magicEnabled"))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    said = dict(line.split(" ", 1) for line in done.stdout.strip().splitlines())
    assert said["enableXsrfProtection"] == "True"
    assert said["enableCORS"] == "True"
    assert said["enableStaticServing"] == "False", "no folder is served"
    assert said["enableAgentApi"] == "False", "no way in for programs"
    assert said["trustedUserHeaders"] in {"{}", "None"}, "no header says who somebody is"
    assert said["corsAllowedOrigins"] == "[]"
    assert not (ROOT / "static").exists()


def test_secrets_are_not_part_of_the_repository():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert ".streamlit/secrets.toml" in ignored
    tracked = subprocess.run(
        ["git", "ls-files", ".streamlit"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert set(tracked) <= {".streamlit/config.toml", ".streamlit/secrets.toml.example"}
