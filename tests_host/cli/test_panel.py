"""The panel in a pretended 80x24 terminal, before the real simulator and firmware."""

import asyncio
import sys

import pytest

from tools.identity import DEMO, Identity
from tools.interpreter import simulator_command
from tools.panel.app import TerminalPanel, digits
from tools.panel.session import LETTERS, ready_tokens

DAY = 86_400


def at_the_panel(
    person, identity=DEMO, state=None, heading="The heading", board=None, size=(80, 24)
):
    """Run the coroutine `person(panel, press, screen)` before a panel of 80x24 characters."""

    async def run():
        panel = TerminalPanel(
            identity, simulator_command(identity, state, board), heading, key_pace=0
        )
        async with panel.run_test(size=size) as pilot:

            async def press(*keys):
                await pilot.press(*keys)
                await panel.session.settled()
                await pilot.pause()
                assert panel.return_value is None

            def screen():
                rows = panel.screen._compositor.render_strips()
                return "\n".join("".join(part.text for part in row) for row in rows)

            await press("asterisk")
            await person(panel, press, screen)
        assert panel.session.exit_code == 0

    asyncio.run(run())


def test_a_listed_token_switches_the_load_on():
    async def person(panel, press, screen):
        assert "The heading" in screen()
        assert not panel.session.answer["load"]
        await press("a")
        assert panel.session.answer["load"]
        assert panel.session.answer["seconds_left"] == pytest.approx(DAY, abs=10)
        assert "Valid" in screen()
        assert "ON" in screen()
        assert "Accepted" in screen()

    at_the_panel(person)


def test_tokens_follow_the_count_and_the_last_comes_again():
    async def person(panel, press, screen):
        for letter, result in (("a", "Accepted"), ("b", "Accepted"), ("r", "used before")):
            await press(letter)
            assert result in screen()
        assert panel.session.answer["count"] == 4
        assert panel.session.answer["seconds_left"] == pytest.approx(8 * DAY, abs=30)

    at_the_panel(person)


def test_wrong_tokens_lock_the_keypad():
    async def person(panel, press, screen):
        await press("w", "w", "w")
        assert panel.session.answer["locked_seconds"] > 0
        assert "Locked" in screen()
        await press("a")
        assert "Not judged" in screen()

    at_the_panel(person)


def test_unlocked_and_locked_again():
    async def person(panel, press, screen):
        await press("u", "d", "d")
        assert panel.session.answer["load"]
        assert "free for good" in screen()
        await press("l")
        assert not panel.session.answer["load"]

    at_the_panel(person)


def test_a_day_and_an_hour_pass_by_keys():
    async def person(panel, press, screen):
        await press("a", "h")
        assert panel.session.answer["load"]
        assert panel.session.answer["seconds_left"] == pytest.approx(DAY - 3600, abs=30)
        assert "An hour later" in screen()
        await press("d")
        assert not panel.session.answer["load"]
        assert panel.session.answer["seconds_left"] == 0

    at_the_panel(person)


def test_the_plug():
    async def person(panel, press, screen):
        await press("a", "p")
        assert "pulled" in screen()
        assert not panel.session.answer["power"]
        await press("1", "a")
        assert "press p to return the plug" in screen()
        await press("p")
        assert panel.session.answer["power"]
        assert panel.session.answer["load"]

    at_the_panel(person)


def test_digits_typed_by_hand():
    async def person(panel, press, screen):
        await press("4", "2")
        assert "42" in screen()
        await press("a")  # clears what was begun
        assert "Accepted" in screen()
        await press("1", "number_sign")
        assert "wrong number of digits" in screen()

    at_the_panel(person)


def test_own_unit_in_restricted_digits_is_kept(tmp_path):
    identity = Identity("OWN1", bytes(range(16)), restricted=True, time_divider=255)

    async def credit(panel, press, screen):
        await press("a")
        assert panel.session.answer["load"]
        await press("q")

    async def look(panel, press, screen):
        assert panel.session.answer["load"]
        assert panel.session.answer["count"] == 2

    at_the_panel(credit, identity, tmp_path / "unit")
    at_the_panel(look, identity, tmp_path / "unit")


def test_a_kept_unit_needs_no_key_but_has_no_tokens_ready(tmp_path):
    own = DEMO._replace(serial="OWN1", key=bytes(16))
    nameless = DEMO._replace(key=None, starting_code=None)

    async def credit(panel, press, screen):
        await press("a")

    async def look(panel, press, screen):
        assert panel.session.answer["count"] == 2 and panel.session.answer["load"]
        await press("a", "b", "w")
        assert panel.session.answer["count"] == 2
        assert "Its key is not known here" in screen()

    at_the_panel(credit, own, tmp_path / "own")
    at_the_panel(look, nameless, tmp_path / "own")


def test_a_kept_demo_unit_is_recognised(tmp_path):
    async def credit(panel, press, screen):
        await press("a")
        assert panel.session.answer["load"]

    at_the_panel(credit, DEMO, tmp_path / "demo")
    at_the_panel(credit, DEMO._replace(key=None, starting_code=None), tmp_path / "demo")


def test_a_simulator_that_ends_is_reported():
    async def run():
        panel = TerminalPanel(
            DEMO, [sys.executable, "-c", "import sys; sys.exit('the reason')"], ""
        )
        async with panel.run_test():
            await panel._following.wait()
        return panel.return_value

    assert "the reason" in asyncio.run(run())


@pytest.mark.parametrize("restricted", [False, True])
def test_ready_tokens_have_letters_of_their_own(restricted):
    tokens = ready_tokens(DEMO._replace(restricted=restricted), 1)
    assert set(tokens) | {"r"} == LETTERS
    digits = {digits for _, digits in tokens.values()}
    assert len(digits) == len(tokens)
    assert {len(token) for token in digits} == {15 if restricted else 9}
    assert not set("".join(digits)) - set("1234" if restricted else "0123456789")


def test_a_fine_time_divider_leaves_out_what_no_token_holds():
    assert "c" not in ready_tokens(DEMO._replace(time_divider=255), 1)


def test_four_digits_are_drawn_as_they_look():
    assert digits("GOb ").plain.split("\n")[1:] == [" |   | | |_       ", " |_| |_| |_|      "]

    async def person(panel, press, screen):
        for shown, key in ((" OFF", "a"), ("GOOd", "a")):
            assert panel.session.answer["display"] == shown
            assert all(row.rstrip() in screen() for row in digits(shown).plain.split("\n"))
            await press(key)
        assert "*0#" not in screen() and " # " in screen(), "the last row of keys is there"

    at_the_panel(person, board="pico")


def test_a_display_of_two_lines_is_drawn_with_two():
    async def person(panel, press, screen):
        assert panel.query_one("#glass").content_size.height == 2
        assert panel.query_one("#keypad").region.bottom < panel.query_one("#unit").region.bottom

    at_the_panel(person)


def test_a_small_window_says_how_large_it_must_be():
    async def person(panel, press, screen):
        assert "Window too small (60x20): make it 80x24" in screen()

    at_the_panel(person, size=(60, 20))


def test_a_question_mark_shows_the_keys():
    async def person(panel, press, screen):
        await press("question_mark")
        assert "Keys: 0-9 * # keypad" in screen()

    at_the_panel(person)


def test_time_for_a_free_unit_is_not_said_to_be_added():
    async def person(panel, press, screen):
        await press("u")
        await press("a")
        assert "unlocked for good: no time is counted" in screen() and "time added" not in screen()

    at_the_panel(person)
