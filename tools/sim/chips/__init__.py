"""Models of the board's chips, one file for each."""
