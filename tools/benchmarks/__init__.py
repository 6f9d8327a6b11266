"""A file for each family of figures; `python -m tools.benchmarks` runs them all."""
