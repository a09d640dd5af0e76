"""What ``benchmarks/teacher_strength.py`` measures: pools, teachers, students, arms, tables."""
