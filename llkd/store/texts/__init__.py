"""The texts of projects: what a project was at each stage, and how others are added."""
