"""The simulator's start options: the unit's identity and the board."""

import sys

from tools.sim.words import Refused


def identity_of(options):
    """Return the identity in `options`, None without a key. Raises Refused."""
    if options.get("key") is None:
        return None
    from firmware.store import Identity

    try:
        return Identity(
            options["serial"],
            bytes.fromhex(options["key"]),
            options.get("starting_code"),
            options.get("count", 1),
            options.get("time_divider", 1),
            options.get("restricted", False),
            options.get("language", "en"),
            options.get("test_code"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("the options make no identity: %s" % error) from None


def choose(board):
    """Make the firmware find this file of board/ as board/custom.py."""
    if board:
        sys.modules["board.custom"] = __import__("board." + board, None, None, ("*",))


def board_data(board):
    """Return the data of the board that the firmware will find."""
    before = set(sys.modules)
    choose(board)
    import board as package

    data = package.find()
    for loaded in list(sys.modules):
        if loaded not in before:
            del sys.modules[loaded]
    return data
