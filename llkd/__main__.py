"""``python -m llkd``."""

import sys

from llkd.cli import main

if __name__ == "__main__":
    sys.exit(main())
