"""The keypad at its wires: bounce, ghosts, stuck keys, fast fingers; on both interpreters."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests_host.drivers.support import MATRIX, chatter, stroke

ANSWER = 20_000  # us from the first touch of the contacts to the report
FROM_IDLE = 11_000  # the same, when no key was down before
BOUNCE = 5_000
PERIOD = 50_000  # 20 keys a second
SECOND = 1_000_000
START = 100_000
PROPERTY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CHIP = {
    "rp2040": {},
    "esp32": {"chip": "esp32", "rows": [13, 14, 27, 26], "columns": [25, 33, 32]},
}
layouts = pytest.mark.parametrize("layout", ["4x3", "4x4"])


def play(drivers, layout, events, until=None):
    """Run the keypad until half a second after the last event."""
    until = until or max(event[0] for event in events) + SECOND // 2
    events = sorted(events, key=lambda event: event[0])
    answer = drivers.run("keypad", **MATRIX[layout], events=events, until=until)
    assert answer["shorts"] == 0, "two rows were driven against each other"
    return answer


def characters(answer):
    return "".join(key for key, _ in answer["keys"])


def legend(layout):
    return "".join(MATRIX[layout]["keys"])


@layouts
def test_every_key_is_told_once_and_in_time(drivers, layout):
    strokes = [(key, START + number * 2 * PERIOD) for number, key in enumerate(legend(layout))]
    events = [event for key, at in strokes for event in stroke(key, at, PERIOD, BOUNCE)]
    answer = play(drivers, layout, events)
    assert characters(answer) == legend(layout)
    assert all(told - at <= FROM_IDLE for (_, told), (_, at) in zip(answer["keys"], strokes))
    assert answer["quiet"]


@layouts
@pytest.mark.parametrize("hold", [20_000, 25_000, 30_000])
def test_twenty_keys_a_second_with_bounce_lose_nothing(drivers, layout, hold):
    typed = "11223344556677889900*#" + legend(layout)[::-1] * 3
    events = []
    for number, key in enumerate(typed):
        events += stroke(key, START + number * PERIOD, hold, BOUNCE)
    answer = play(drivers, layout, events)
    assert characters(answer) == typed
    assert all(
        told - (START + number * PERIOD) <= ANSWER
        for number, (_, told) in enumerate(answer["keys"])
    )


@pytest.mark.parametrize("chip", ["rp2040", "esp32"])
def test_a_row_has_time_to_settle_before_a_look_at_the_columns(drivers, chip):
    """45 kOhm and 100 pF charge to three quarters in 6.2 us; a scan stays a small part of 8 ms."""
    options = MATRIX["4x3"] | CHIP[chip]
    answer = drivers.run("keypad", **options, events=stroke("5", START, PERIOD), until=SECOND)
    assert characters(answer) == "5"
    assert 7 <= answer["settled"] <= 20


def test_a_key_held_is_one_key(drivers):
    assert characters(play(drivers, "4x3", stroke("7", START, 20 * SECOND, BOUNCE))) == "7"


def test_rolling_from_key_to_key_keeps_the_order(drivers):
    """The next key goes down before the last one is up, as when two thumbs type."""
    for offset in range(0, 8_000, 700):  # wherever the scanner is just then
        events = []
        for number, key in enumerate("4914"):
            events += stroke(key, START + offset + number * PERIOD, PERIOD + 20_000, BOUNCE)
        answer = play(drivers, "4x3", events)
        assert characters(answer) == "4914"
        for number, (_, told) in enumerate(answer["keys"]):
            assert told - (START + offset + number * PERIOD) <= ANSWER


@pytest.mark.parametrize("erase", [45_000, 400_000], ids=["typical", "longest"])
def test_a_key_that_outlasts_an_erase_of_flash_is_taken(drivers, erase):
    """Pressed before the erase, or at any moment of it, and released 15 ms after its end."""
    for before in (*range(-9_000, 0, 1_000), *range(0, erase, erase // 9)):
        events = chatter(START + before, "5", True, BOUNCE)
        events += chatter(START + erase + 15_000, "5", False, BOUNCE)
        options = {"events": sorted(events), "until": START + erase + SECOND}
        answer = drivers.run("keypad", **MATRIX["4x3"], erases=[[START, erase]], **options)
        assert characters(answer) == "5", before
        assert answer["quiet"]


@layouts
def test_three_corners_of_a_rectangle_report_no_fourth(drivers, layout):
    events = []
    for number, key in enumerate("128"):  # 8 closes 1-2-8: the matrix shows 7, too
        events += chatter(START + number * 4 * PERIOD, key, True, BOUNCE)
        events += chatter(START + SECOND, key, False, BOUNCE)
    events += stroke("7", START + 2 * SECOND, PERIOD, BOUNCE)
    assert characters(play(drivers, layout, events)) == "127"


def test_a_ghost_that_ends_leaves_what_was_really_pressed(drivers):
    events = []
    for number, key in enumerate("128"):
        events += chatter(START + number * 4 * PERIOD, key, True, BOUNCE)
    events += chatter(START + SECOND, "1", False, BOUNCE)  # 2 and 8 remain: no rectangle
    events += chatter(START + 2 * SECOND, "2", False) + chatter(START + 2 * SECOND, "8", False)
    assert characters(play(drivers, "4x3", events)) == "128"


def test_a_stuck_key_is_reported_and_ignored_and_the_others_work(drivers):
    events = chatter(START, "5", True, BOUNCE)
    for number, key in enumerate("1470"):
        events += stroke(key, START + 40 * SECOND + number * PERIOD, 25_000, BOUNCE)
    events += chatter(START + 50 * SECOND, "5", False, BOUNCE)
    events += stroke("5", START + 52 * SECOND, 25_000, BOUNCE)
    answer = play(drivers, "4x3", events)
    assert characters(answer) == "514705"
    (keys, told), (none, loose) = answer["stuck"]
    assert (keys, none) == ("5", "")
    assert 30 * SECOND <= told - START <= 30 * SECOND + 100_000
    assert loose - (START + 50 * SECOND) <= ANSWER
    assert all(at - due <= ANSWER for (_, at), due in zip(answer["keys"][1:5], _dues()))


def _dues():
    return [START + 40 * SECOND + number * PERIOD for number in range(4)]


def test_a_stuck_key_counts_as_quiet(drivers):
    events = chatter(START, "5", True)
    assert not play(drivers, "4x3", events, 20 * SECOND)["quiet"]
    assert play(drivers, "4x3", events, 31 * SECOND)["quiet"], "or nothing would be stored"


def test_three_stuck_corners_are_reported_too(drivers):
    events = [[START, key, True] for key in "125"]
    answer = play(drivers, "4x3", events, 32 * SECOND)
    assert [keys for keys, _ in answer["stuck"]] == ["1245"] and answer["keys"] == []


def test_stuck_keys_that_were_a_ghost_are_no_presses_when_one_comes_loose(drivers):
    events = [[START, key, True] for key in "125"] + [[32 * SECOND, "1", False]]
    answer = play(drivers, "4x3", events, 34 * SECOND)
    assert [keys for keys, _ in answer["stuck"]] == ["1245", "25"] and answer["keys"] == []


@layouts
def test_idle_no_wire_is_touched(drivers, layout):
    """All rows stay low: the scanner sleeps until a column falls."""
    events = stroke("9", START, PERIOD, BOUNCE)
    answer = play(drivers, layout, events, 3600 * SECOND)
    assert max(answer["drives"]) < START + PERIOD + BOUNCE + 40_000
    assert sum(at < START for at in answer["drives"]) <= 2 * len(MATRIX[layout]["rows"])


def test_after_a_lost_interrupt_the_next_press_is_told(drivers):
    events = [[START + PERIOD, "5", False]] + stroke("6", START + 2 * PERIOD, PERIOD, BOUNCE)
    options = {"drops": [[START, "5"]], "events": events, "until": SECOND}
    answer = drivers.run("keypad", **MATRIX["4x3"], **options)
    assert characters(answer) == "6" and answer["quiet"]


def test_after_a_lost_interrupt_a_bouncing_contact_is_told(drivers):
    events = [event for event in stroke("5", START, PERIOD, BOUNCE) if event[0] > START]
    options = {"drops": [[START, "5"]], "events": events, "until": SECOND}
    answer = drivers.run("keypad", **MATRIX["4x3"], **options)
    assert characters(answer) == "5" and answer["quiet"]


def test_a_spark_is_no_key_and_lets_the_scanner_sleep_again(drivers):
    events = [[START, "3", True], [START + 900, "3", False]]
    answer = play(drivers, "4x3", events, 10 * SECOND)
    assert answer["keys"] == [] and answer["quiet"]
    assert max(answer["drives"]) < START + ANSWER


def test_a_spark_while_another_key_is_held_is_no_key(drivers):
    for offset in range(0, 16_000, 1_300):  # wherever the scanner is just then
        at = START + SECOND + offset
        events = stroke("1", START, 2 * SECOND) + [[at, "6", True], [at + 4_900, "6", False]]
        assert characters(play(drivers, "4x3", events)) == "1"


def test_a_key_that_is_down_at_power_on_is_told(drivers):
    assert characters(play(drivers, "4x3", [[0, "8", True], [SECOND, "8", False]])) == "8"


def test_buttons_type_and_enter_when_let_go(drivers):
    events = []
    for number, key in enumerate("1234#"):
        events += stroke(key, START + number * PERIOD, 25_000, BOUNCE)
    answer = play(drivers, "1x5", events)
    assert [key for key, _ in answer["keys"]] == ["1", "2", "3", "4", "", "#"]
    pressed, entered = answer["keys"][4][1], answer["keys"][5][1]
    assert pressed - (START + 4 * PERIOD) <= ANSWER, "answered at once"
    assert entered - (START + 4 * PERIOD + 25_000) <= ANSWER


def test_the_fifth_button_held_clears_once_and_does_not_enter(drivers):
    answer = play(drivers, "1x5", stroke("#", START, 3 * SECOND, BOUNCE))
    assert [key for key, _ in answer["keys"]] == ["", "*"]
    assert SECOND <= answer["keys"][1][1] - START <= SECOND + 2 * ANSWER


def test_buttons_have_no_ghosts(drivers):
    events = []
    for number, key in enumerate("1234"):
        events += chatter(START + number * PERIOD, key, True, BOUNCE)
        events += chatter(START + SECOND, key, False, BOUNCE)
    assert characters(play(drivers, "1x5", events)) == "1234"


def test_buttons_idle_costs_nothing(drivers):
    assert play(drivers, "1x5", stroke("2", START, PERIOD), 3600 * SECOND)["quiet"]


@st.composite
def typing(draw):
    """Keys of a 4x4 pad, each with its own hold, bounce and moment within 20 keys a second."""
    typed = draw(st.text(alphabet=legend("4x4"), min_size=1, max_size=25))
    offset = draw(st.integers(0, 10_000))
    events = []
    for number, key in enumerate(typed):
        hold = draw(st.integers(20_000, 30_000))
        events += stroke(key, START + offset + number * PERIOD, hold, draw(st.integers(0, BOUNCE)))
    return typed, events


@PROPERTY
@given(typing())
def test_whatever_is_typed_is_told_in_order(drivers, work):
    typed, events = work
    assert characters(play(drivers, "4x4", events)) == typed


@st.composite
def bashing(draw):
    """Fists on the keypad: any keys down and up at any time, bouncing; all up in the end."""
    moments = draw(
        st.lists(
            st.tuples(
                st.sampled_from("1234567890*#"),
                st.integers(0, 2 * SECOND),
                st.integers(200, SECOND),
                st.integers(0, BOUNCE),
            ),
            max_size=30,
        )
    )
    events, until = [], dict.fromkeys("1234567890*#", 0)
    for key, at, hold, bounce in sorted(moments, key=lambda moment: moment[1]):
        if at > until[key] + 2 * BOUNCE:
            events += stroke(key, START + at, hold, bounce)
            until[key] = at + hold + bounce
    return events


@PROPERTY
@given(bashing())
def test_bashing_invents_no_key_and_the_next_press_is_told(drivers, events):
    last = max([START] + [event[0] for event in events]) + SECOND
    events = events + stroke("6", last, 25_000, BOUNCE)
    answer = play(drivers, "4x3", events)
    for key, told in answer["keys"]:
        touched = [at for at, name, closed in events if name == key and closed and at <= told]
        assert touched, f"{key} was told at {told} and never pressed"
    assert answer["keys"][-1][0] == "6" and answer["keys"][-1][1] - last <= ANSWER
    assert answer["quiet"]
