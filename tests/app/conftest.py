"""Page tests: the project's root is importable, as it is for ``streamlit run app.py``."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
for folder in (ROOT, str(Path(__file__).resolve().parent)):
    if folder not in sys.path:
        sys.path.insert(0, folder)
