"""The entry of the web app: ``streamlit run app.py``.

It is read in two ways: once by the server, which looks for ``app`` in it, and then anew for each
visitor, as the script that leads to the pages.
"""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

if get_script_run_ctx(suppress_warning=True) is None:
    from ui.entrance import opening

    app = st.App(__file__, middleware=opening.middleware(), lifespan=opening.lifespan)
else:
    from ui.shell.page import run_app

    run_app()
