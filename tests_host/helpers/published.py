"""The protocol's published example: key and starting code as options of a unit, and its tokens."""

from tools.boards import BOARDS, load
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY

KEY = PUBLISHED_KEY.hex()
STARTING_CODE = PUBLISHED_CODE
UNIT = {"serial": "SLT000000001", "key": KEY, "starting_code": STARTING_CODE, "count": 1}
"""Options of a simulated unit."""
WRONG = "123456789"  # no token at count 0 or 1
ADD_1, ADD_29, SET_7, FREE, LOCK = "662486790", "927706818", "942433796", "650975787", "592185789"
"""Tokens with the counts 2, 4, 5, 7 and 9: days added, days set, unlocked, locked again."""


def has_buttons(board):
    """Has a board, one of BOARDS or None, a row of buttons, for restricted tokens only?"""
    return board is not None and not load(BOARDS[board].module).KEYPAD["rows"]
