"""The wheel of this working tree, and what it is like to have it and not the repository."""

import pytest

from tests.support.installed_wheel import build, copy_of_the_tree, unpacked


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Built from a folder in which somebody has worked: secrets, a home, compiled files."""
    source = copy_of_the_tree(tmp_path_factory.mktemp("clone"))
    for name in (".streamlit/secrets.toml", "workspace/llkd.db", "ui/__pycache__/page.pyc"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_bytes(b"never to be handed on")
    return build(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def site(wheel, tmp_path_factory):
    return unpacked(wheel, tmp_path_factory.mktemp("site"))


@pytest.fixture
def elsewhere(tmp_path):
    """A folder with names that the app must not take for its own."""
    folder = tmp_path / "elsewhere"
    (folder / ".streamlit").mkdir(parents=True)
    (folder / ".streamlit" / "config.toml").write_text(
        '[server]\naddress = "0.0.0.0"\n[client]\nallowedOrigins = ["https://x.example"]\n'
    )
    for name in ("ui.py", "llkd_studio.py", "random.py", "app.py"):
        (folder / name).write_text("raise SystemExit('the file of the working folder was run')\n")
    return folder
