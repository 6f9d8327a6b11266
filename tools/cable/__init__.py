"""A simulated unit behind a pseudo-terminal, as a board on a port."""
