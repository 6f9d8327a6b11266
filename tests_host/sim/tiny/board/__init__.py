"""Boards of the tiny firmware."""


def find():
    """The only one."""
    from board import sim

    return sim
