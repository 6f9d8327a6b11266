"""The console's pauses between entries: each judged entry wears the flash.

First the console alone, on simulated time; then the whole firmware.
"""

import pytest

from tests_host.helpers.published import ADD_1, ADD_29, UNIT
from tools.proofs.simulator import Sim
from tools.proofs.stepper import Modules, Tasks

USED, WRONG, VALID, LOCKED, MALFORMED = "111", "222", "333", "444", "5"
OUTCOMES = {USED: "ALREADY_USED", WRONG: "INVALID", VALID: "ADD_TIME", LOCKED: "LOCKED"}
PAUSE_MS, PACE_MS, JUDGING_MS = 500, 3_000, 20
ANSWERS = {
    USED: "#TOKEN;ALREADY_USED",
    WRONG: "#TOKEN;INVALID",
    VALID: "#TOKEN;VALID;60",
    LOCKED: "#TOKEN;LOCKED;120",
    MALFORMED: "#TOKEN;INVALID",
}


class ActiveUnit:
    """The attributes of a unit that the console reads."""

    identity = True

    def free(self):
        return False

    def seconds_left(self):
        return 60

    def locked_seconds(self):
        return 120


class Wire:
    """Both directions of the console. `said`: (ms, line)."""

    def __init__(self):
        self.modules = Modules(("firmware.console",))
        self.tasks = self.modules.tasks = Tasks(0)
        self.unread = []
        self.said = []
        module = self.modules["firmware.console"]
        module.asyncio.StreamReader = lambda source: source
        console = module.Console(ActiveUnit(), self._enter, None, self, self)
        self.tasks.spawn("listen", console._listen())
        self.tasks.spawn("pauses", console._end_at_pauses())

    async def _enter(self, digits):
        await self.modules["firmware.console"].asyncio.sleep_ms(JUDGING_MS)
        return OUTCOMES.get(digits, "MALFORMED")

    async def read(self, count):
        assert count == 1
        while not self.unread:
            await self.modules["firmware.console"].asyncio.sleep_ms(1)
        return bytes([self.unread.pop(0)])

    def write(self, data):
        self.said.append((self.tasks.now, data.decode()))

    def send(self, text):
        self.unread += text.encode()

    def run(self, milliseconds):
        """Let time pass; return what was said in it."""
        said, end = len(self.said), self.tasks.now + milliseconds
        while True:
            for name in self.tasks.ready():
                self.tasks.run(name)
            if not self.tasks.ready():
                if self.tasks.due() > end:
                    break
                self.tasks.now = self.tasks.due()
        self.tasks.now = end
        return self.said[said:]


@pytest.fixture
def wire():
    made = Wire()
    yield made
    made.tasks.close()


@pytest.mark.parametrize("digits", [USED, WRONG])
def test_what_a_program_would_try_again_is_answered_three_seconds_later(wire, digits):
    wire.send(f"#TOKEN;{digits}\n")
    ((at, line),) = wire.run(10_000)
    assert line == ANSWERS[digits] + "\r\n"
    assert PACE_MS + JUDGING_MS <= at <= PACE_MS + JUDGING_MS + 50


@pytest.mark.parametrize("digits", [VALID, LOCKED, MALFORMED])
def test_all_else_is_answered_at_once(wire, digits):
    wire.send(f"#TOKEN;{digits}\n")
    ((at, line),) = wire.run(10_000)
    assert line == ANSWERS[digits] + "\r\n" and at <= JUDGING_MS + 50


def test_lines_sent_in_one_go_are_answered_in_their_order_each_with_its_pause(wire):
    digits = (USED, WRONG, VALID, USED, LOCKED, WRONG)
    wire.send("".join(f"#TOKEN;{each}\r\n" for each in digits))
    said = wire.run(60_000)
    assert [line.strip() for _, line in said] == [ANSWERS[each] for each in digits]
    before = 0
    for each, (at, _) in zip(digits, said):
        assert (at - before >= PACE_MS) == (each in (USED, WRONG))
        before = at


def test_a_line_ended_by_a_pause_does_not_let_the_next_one_overtake(wire):
    wire.send(f"#TOKEN;{USED}")
    assert wire.run(PAUSE_MS + 200) == []
    wire.send(f"#TOKEN;{WRONG}\n#TOKEN;{VALID}")
    said = wire.run(20_000)
    assert [line.strip() for _, line in said] == [ANSWERS[each] for each in (USED, WRONG, VALID)]
    assert said[1][0] - said[0][0] >= PACE_MS


def test_a_line_that_begins_during_a_pause_is_not_cut_in_two(wire):
    wire.send(f"#TOKEN;{USED}\n#TOK")
    assert wire.run(1_000) == []
    wire.send(f"EN;{VALID}\n")
    assert [line.strip() for _, line in wire.run(5_000)] == [ANSWERS[USED], ANSWERS[VALID]]


@pytest.fixture
def unit():
    with Sim(**UNIT) as sim:
        sim.keys(ADD_1 + "#")
        sim.do("run 6000")
        yield sim


def test_the_panel_says_it_at_once_and_the_keypad_goes_on(unit):
    answer = unit.do(f"uart #TOKEN;{ADD_1}")
    assert answer["uart"] == [] and answer["display"].startswith("Already used")
    assert unit.keys(f"{ADD_29}#")["result"] == "ADD_TIME"
    assert unit.do("run 3000")["uart"] == ["#TOKEN;ALREADY_USED"]


def test_used_tokens_wear_the_flash_no_faster_than_a_person_types(unit):
    erases = unit.do("flash report")["erases"]
    began = unit.status()["t"]
    lines = [f"uart #TOKEN;{ADD_1}"] * 60  # 1,440 characters: the unit's buffer has room
    said = [line for answer in unit.do_all([*lines, "run 150000"]) for line in answer["uart"]]
    assert said == ["#TOKEN;ALREADY_USED"] * 60
    assert 60 * 3 <= unit.status()["t"] - began <= 60 * 3 + 30
    assert sum(unit.do("flash report")["erases"]) - sum(erases) <= 60 * 2 / 14 + 4
