"""Twenty keys a second with 5 ms of bounce, through the whole firmware of each board."""

import pytest

from tests_host.helpers.published import ADD_1, KEY, STARTING_CODE, has_buttons
from tools.boards import BOARDS
from tools.proofs.simulator import Sim
from tools.proofs.tokens.encoder import Encoder
from tools.seconds import DAY

CODES = Encoder(bytes.fromhex(KEY), STARTING_CODE)


def strokes(keys):
    for key in keys:
        yield from (f"press {key}", "run 25", f"release {key}", "run 25")


@pytest.mark.parametrize("board", [None, *BOARDS])
def test_three_tokens_without_a_pause_are_all_credited(board):
    """No digit typed while an entry is judged and stored is lost."""
    options = {"restricted": True} if has_buttons(board) else {}
    with Sim(board=board, serial="F1", key=KEY, starting_code=STARTING_CODE, **options) as sim:
        sim.do("bounce 5")
        for days, count in ((1, 2), (2, 4), (3, 6)):
            sim.do_all(strokes(CODES.token(days, count, **options) + "#"))
        sim.do("run 2000")
        answer = sim.status()
        assert (answer["count"], answer["load"]) == (6, True)
        assert 0 <= 6 * DAY - answer["seconds_left"] <= 10


def test_what_is_typed_while_an_entry_is_judged_stays_on_the_glass():
    with Sim(serial="F1", key=KEY, starting_code=STARTING_CODE) as sim:
        sim.do_all(strokes(CODES.token(1, 2) + "#12"))
        sim.do("run 7000")
        assert sim.status()["display"] == "Token\n12", "longer than a message stays"
        assert sim.status()["count"] == 2, "and the token before was credited"
        assert sim.do("advance 21")["display"] == "1 day left\n"


def test_a_missing_lcd_stops_nothing():
    """LED and buzzer still speak, the token counts; the display is right when it is back."""
    with Sim(serial="F1", key=KEY, starting_code=STARTING_CODE) as sim:
        sim.do("bus 0x27 dead")
        sim.do("levels")
        answer = sim.keys(CODES.token(1, 2) + "#")
        assert answer["result"] == "ADD_TIME" and answer["load"]
        sim.do("run 1000")
        changes = sim.do("levels")["changes"]
        green = [on for _, name, on in changes if name == "led_green"]
        clicks = [on for _, name, on in changes if name == "buzzer"]
        assert green == [True, False] * 2 and len(clicks) >= 2 * 11
        sim.do("bus 0x27 alive")
        sim.do("advance 6")
        assert sim.status()["display"] == "1 day left\n"


def test_a_stuck_key_is_said_and_the_others_enter_a_token():
    with Sim(serial="F1", key=KEY, starting_code=STARTING_CODE) as sim:
        sim.do("press *")
        assert sim.do("run 31000")["display"] == "Key * stuck\n"
        sim.do_all(strokes(CODES.token(1, 2) + "#"))
        assert sim.do("run 1000")["load"]
        pages = []
        for _ in range(8):
            sim.do_all(strokes("#"))
            pages.append(sim.do("run 100")["display"])
        assert "Key * stuck\n" in pages
        sim.do("release *")
        sim.do("advance 15")
        assert sim.keys("*")["display"] == "1 day left\n"


def test_keys_are_echoed_within_20_ms_on_the_lcd():
    with Sim(serial="F1", key=KEY, starting_code=STARTING_CODE) as sim:
        sim.do("bounce 5")
        shown = ""
        for key in ADD_1:
            sim.do(f"press {key}")
            shown += key
            assert sim.do("run 20")["display"] == "Token\n" + shown
            sim.do_all([f"release {key}", "run 30"])


def test_keys_are_echoed_within_20_ms_on_four_digits():
    with Sim(board="pico", serial="F1", key=KEY, starting_code=STARTING_CODE) as sim:
        sim.do("bounce 5")
        shown = ""
        for key in "134672":
            sim.do(f"press {key}")
            shown += key
            assert sim.do("run 20")["display"] == (" " * 4 + shown)[-4:]
            sim.do_all([f"release {key}", "run 30"])
