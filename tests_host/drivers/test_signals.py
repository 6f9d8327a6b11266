"""LEDs and buzzer at their pins: the patterns of the protocol's reference devices."""

import pytest

START = 1_000
SECOND = 1_000_000
ALL = ["green", "red", "buzzer"]
PATTERNS = {  # (times on, milliseconds each) of green and of red
    "VALID": ((2, 150), (0, 0)),
    "USED": ((1, 150), (0, 0)),
    "FREE": ((5, 150), (0, 0)),
    "WRONG": ((0, 0), (1, 1000)),
}


def blink(drivers, *plays, active=1, fitted=ALL, until=5 * SECOND):
    return drivers.run("blink", plays=plays, active=active, fitted=fitted, until=until)


def flashes(changes):
    """[(begin, milliseconds)] of each time on."""
    assert [on for _, on in changes] == [True, False] * (len(changes) // 2), "it went off again"
    pairs = zip(changes[::2], changes[1::2])
    return [(begin, round((end - begin) / 1000)) for (begin, _), (end, _) in pairs]


@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_as_the_reference_devices_blink(drivers, name, active):
    seen = blink(drivers, [START, name], active=active)
    for colour, (times, long) in zip(("green", "red"), PATTERNS[name]):
        found = flashes(seen[colour])
        assert [ms for _, ms in found] == [long] * times
        assert not found or found[0][0] == START, "answered at once"
    beeps = flashes(seen["buzzer"])
    assert beeps == flashes(seen["green"]) + flashes(seen["red"]), "the blind hear it"


def test_a_click_is_short_and_at_once(drivers):
    seen = blink(drivers, [START, "CLICK"])
    assert flashes(seen["buzzer"]) == [(START, 15)] and not seen["green"] and not seen["red"]


def test_the_last_day_is_said_in_red(drivers):
    assert flashes(blink(drivers, [START, "WARN"])["red"]) == [(START, 60)]


@pytest.mark.parametrize("fitted", [[], ["buzzer"], ["green", "red"]])
def test_what_is_not_fitted_is_left_alone(drivers, fitted):
    seen = blink(drivers, [START, "VALID"], fitted=fitted)
    assert {name for name, changes in seen.items() if changes} == set(fitted) - {"red"}


def test_a_new_pattern_takes_the_place_of_the_old_one(drivers):
    seen = blink(drivers, [START, "FREE"], [START + 200_000, "WRONG"])
    assert flashes(seen["green"]) == [(START, 150)]
    assert flashes(seen["red"]) == [(START + 200_000, 1000)]
