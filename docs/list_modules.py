"""Every module with the first line of its docstring: ``python docs/list_modules.py [FOLDER]``.

That line is a module's contract, so this list is the map of the code that is always right.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(folders: list[str]) -> None:
    """Print the modules of these folders, by default those of the core and of the app."""
    for folder in folders or ["llkd", "ui", "pages"]:
        for path in sorted((ROOT / folder).rglob("*.py")):
            lines = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").splitlines()
            if lines:
                print(f"{str(path.relative_to(ROOT)):52} {lines[0]}")


if __name__ == "__main__":
    main(sys.argv[1:])
