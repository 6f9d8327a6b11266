"""Models and searches that the tests and the benchmarks share."""
