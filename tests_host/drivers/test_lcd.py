"""The character display's driver on the wire: what is on the glass, and what if nobody answers."""

import pytest

RETRY_MS = 5_000
SECOND = 1_000_000


def shows(drivers, *steps):
    """Run steps; return [glass with trailing blanks cut, what show returned, us] for each show."""
    answer = drivers.run("lcd", steps=steps)
    return [["|".join(line.rstrip() for line in glass), again, us] for glass, again, us in answer]


def test_both_lines_are_on_the_glass(drivers):
    assert shows(drivers, ["show", ["Already used", "30 days left"]])[0][0] == (
        "Already used|30 days left"
    )


def test_a_longer_text_is_wiped_by_a_shorter_one(drivers):
    glasses = shows(drivers, ["show", ["x" * 16, "y" * 16]], ["show", ["Free", ""]])
    assert [glass for glass, *_ in glasses] == ["x" * 16 + "|" + "y" * 16, "Free|"]


def test_only_what_changed_is_sent(drivers):
    idle = ["1 day left", ""]
    first, same, echo, _, typed = shows(
        drivers,
        ["show", idle],
        ["show", idle],
        ["show", ["Token", "4"]],
        ["show", ["Token", "471"]],
        ["show", ["Token", "4712"]],
    )
    assert same[2] < 10, "nothing is sent for the same text"
    assert typed[0] == "Token|4712"
    assert typed[2] < 1_500 and echo[2] < 8_000, "with 10 ms for the contacts: within 20 ms"


def test_a_missing_display_costs_no_time_and_is_tried_again_every_five_seconds(drivers):
    text = ["show", ["Locked", "Enter a token"]]
    steps = [["present", False], text, ["wait", SECOND], text, ["wait", 4 * SECOND], text]
    steps += [["present", True], ["wait", SECOND], text, ["wait", 4 * SECOND], text]
    gone, soon, again, early, back = shows(drivers, *steps)
    assert gone[0] == "|" and gone[1] == RETRY_MS and gone[2] < 1_000
    assert soon[1] < RETRY_MS and soon[2] < 10, "not tried before its time"
    assert again[1] == RETRY_MS and early[0] == "|"
    assert back[0] == "Locked|Enter a token" and back[1] > RETRY_MS


def test_a_display_that_goes_in_the_middle_of_use_comes_back(drivers):
    glasses = shows(
        drivers,
        ["show", ["Token", "1"]],
        ["present", False],
        ["show", ["Token", "12"]],
        ["present", True],
        ["wait", 5 * SECOND],
        ["show", ["Token", "123"]],
    )
    assert glasses[1][1] == RETRY_MS and glasses[2][0] == "Token|123"


def test_a_display_that_lost_its_supply_unnoticed_is_set_up_again(drivers):
    glasses = shows(
        drivers,
        ["show", ["Locked", "Enter a token"]],
        ["power", False],
        ["wait", SECOND],
        ["power", True],
        ["wait", SECOND],
        ["show", ["Token", "5"]],
    )
    assert glasses[1][0] == "Token|5"


@pytest.mark.parametrize("when", [0, 20_000, 100_000])
def test_it_waits_until_the_display_is_awake(drivers, when):
    """The model refuses every command that comes too early."""
    glasses = shows(drivers, ["power", True], ["wait", when], ["show", ["Free", ""]])
    assert glasses[0][0] == "Free|"


def test_a_stuck_bus_holds_the_controller_up_for_one_timeout_only(drivers):
    text = ["show", ["Locked", ""]]
    steps = [["show", ["Free", ""]], ["stuck", True], text, text, ["stuck", False]]
    steps += [["wait", 5 * SECOND], text]
    _, stuck, soon, back = shows(drivers, *steps)
    assert stuck[1] == RETRY_MS and stuck[2] < 60_000
    assert soon[2] < 10
    assert back[0] == "Locked|"
