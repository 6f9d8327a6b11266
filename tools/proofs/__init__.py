"""Models and searches shared by the tests and the benchmarks."""
