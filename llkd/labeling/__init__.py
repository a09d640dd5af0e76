"""A labeling run as it goes: cached answers, costs, few-shot examples, rounds."""
