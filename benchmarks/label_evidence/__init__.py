"""What ``benchmarks/labels.py`` measures: texts, cached scores, teachers, figures, tables."""
