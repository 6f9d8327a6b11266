"""One model for each chip on the board."""
