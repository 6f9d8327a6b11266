"""Boards of the tiny firmware."""


def find():
    """The only one."""
    return __import__("board.sim", None, None, ("*",))
