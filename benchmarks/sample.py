"""Print what the sample holds: texts by class and kind, and their lengths."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).resolve().parents[1] / "sample_data"


def main() -> None:
    texts = pd.read_csv(FOLDER / "city_messages.csv", keep_default_na=False)
    gold = pd.read_csv(FOLDER / "city_messages_gold.csv", keep_default_na=False)
    both = texts.merge(gold, on="id", validate="one_to_one")
    print(f"{len(both):,} texts, {both['text'].nunique():,} different")
    print(pd.crosstab(both["kind"], both["label"], margins=True, margins_name="all"))
    words = both["text"].str.split().str.len()
    print("words per text:", words.describe(percentiles=[0.1, 0.5, 0.9]).round(1).to_dict())


if __name__ == "__main__":
    main()
