"""The key for a teacher's server: which one goes there, a box to type one, and how to forget it.

What is typed goes from the browser to this session and is never sent back: the box is empty again
with the next run, and the page says only that there is a key.
"""

from __future__ import annotations

import os

import streamlit as st

from llkd.config.addresses import host_and_port
from llkd.config.server_key import (
    HOSTS_VARIABLE,
    KEY_VARIABLE,
    LONGEST_KEY,
    clean_key,
    named_hosts,
)
from llkd.errors import ConfigError
from llkd.store import Store
from llkd.store.keys.key_file import KeyFile
from llkd.store.keys.key_hosts import KeyHosts
from llkd.store.keys.server_keys import ServerKey, key_for
from ui.shell import exposure, login
from ui.shell.errors import defer_errors
from ui.shell.session_keys import forget_in_session, keep_in_session, session_keys
from ui.shell.wording import plain
from ui.teacher.setup.question import Field


def key_known() -> bool:
    """Whether a key for servers is set; one in the app's secrets is put into the environment."""
    st.secrets.load_if_toml_exists()  # reading them is what puts them there
    return bool(os.environ.get(KEY_VARIABLE, "").strip())


def key_fields(store: Store, address: str, field: Field) -> None:
    """Which key goes to the server at ``address``, and a box to type one for it."""
    key_known()
    try:
        place = host_and_port(address)
    except ValueError:
        return  # the form says what is wrong with the address, and a key belongs to one
    choice: ServerKey | None = None
    try:
        choice = key_for(address, store.home.root, session_keys())
    except ConfigError as error:
        st.warning(plain(str(error)), icon=":material/key_off:")
    else:
        _words(store, address, choice)
    with st.expander(f"Key for {plain(place)}", icon=":material/key:", key=field("key_box")):
        key_box(store, place, field)
        _forget(place, choice, field)


def _words(store: Store, address: str, choice: ServerKey) -> None:
    """Which key goes to this server, in a sentence; warnings where one is held back."""
    place = plain(choice.place)
    # What was mended is mended by the next run already, and must be read all the same.
    remarks = st.session_state.setdefault("key_remarks", [])
    remarks += [remark for remark in choice.remarks if remark not in remarks]
    for remark in remarks:
        st.warning(plain(remark), icon=":material/key:")
    if choice.withheld is not None:
        st.warning(f"{plain(choice.withheld)}.", icon=":material/key_off:")
    elif choice.origin is None:
        st.caption(
            ":material/key_off: No key is set, which a server of your own seldom needs. Type one "
            f"below, or set `{KEY_VARIABLE}` where the app is started."
        )
    elif choice.origin == "session":
        st.caption(
            f":material/key: The key that you typed goes to {place}, with the jobs that you start "
            "in this browser tab. It is kept nowhere else, and is gone when the tab is closed or "
            "loaded anew."
        )
    elif choice.origin == "file":
        st.caption(f":material/key: The key that is saved on this machine goes to {place}.")
    else:
        _environment_words(store, address, choice)


def _environment_words(store: Store, address: str, choice: ServerKey) -> None:
    sentence = (
        f":material/key: A key was found in the environment or the app's secrets ({KEY_VARIABLE})."
    )
    key, place = choice.key or "", plain(choice.place)
    if named_hosts() is None and KeyHosts(store.home.root).first(key) is None:
        st.caption(
            f"{sentence} With the first question it goes to {place}, and from then on to no other "
            f"server unless `{HOSTS_VARIABLE}` names it."
        )
    else:
        st.caption(f"{sentence} It goes to {place}.")


def key_box(store: Store, place: str, field: Field) -> None:
    """A box to type a key for ``host:port``, for this tab or to be saved."""
    typed, save = field("key_typed"), field("key_save")
    with st.form(field("key_form"), clear_on_submit=True, border=False):
        st.text_input(
            "Key",
            key=typed,
            type="password",
            max_chars=LONGEST_KEY,
            autocomplete="off",
            placeholder="paste or type it",
        )
        st.checkbox(
            "Save it on this machine, for later sessions",
            key=save,
            help=f"In a file that only the account running this program can read: "
            f"{plain(str(KeyFile().path))}. Otherwise it is kept in this browser tab only.",
        )
        if login.required() or exposure.reached() is not None:
            st.caption(
                ":material/group: Several people use this server. A key saved on it belongs to "
                f"the account that runs it: it pays for every job that anybody here sends to "
                f"{plain(place)}. A key that is not saved serves only the jobs that you start."
            )
        st.form_submit_button(
            "Use this key",
            icon=":material/key:",
            key=field("key_use"),
            on_click=_take,
            args=(store, place, typed, save),
        )


@defer_errors
def _take(store: Store, place: str, typed: str, save: str) -> None:
    words = str(st.session_state.get(typed) or "")
    st.session_state[typed] = ""  # nothing of it stays in the widget, whatever happens below
    key = clean_key(words, "The key that was typed")
    if not key:
        raise ConfigError("No key was typed. Paste it into the box, then use it.")
    if st.session_state.get(save):
        KeyFile().save(place, key, store.home.root)
        forget_in_session(place)  # an older one would come first
    else:
        keep_in_session(place, key)


def _forget(place: str, choice: ServerKey | None, field: Field) -> None:
    """A button for what there is to forget: this session's key first."""
    if choice is not None and choice.origin == "session":
        st.button(
            "Forget the key of this tab",
            icon=":material/key_off:",
            key=field("key_forget"),
            on_click=forget_in_session,
            args=(place,),
        )
    elif choice is not None and choice.origin == "file":
        st.button(
            "Forget the saved key",
            icon=":material/key_off:",
            key=field("key_forget"),
            on_click=_forget_saved,
            args=(place,),
        )


@defer_errors
def _forget_saved(place: str) -> None:
    KeyFile().forget(place)
