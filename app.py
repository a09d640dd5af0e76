"""The entry of the web app: ``streamlit run app.py``."""

from ui.page import run_app

run_app()
