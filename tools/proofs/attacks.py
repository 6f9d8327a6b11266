"""Attacks by a thief with the plug, the clock module and a keypad, step by step.

A step is a line for the simulator, or one of the words of `play`. The attacks are played on the
whole firmware by tests_host/controller/test_paid_time.py and `make bench ARGS='--only attacks'`.
"""

from typing import NamedTuple

from tools.proofs.meter import Meter

WRONG = "123456789"
CYCLE = ("power off", "power on")
DRAINS = 60  # looks at a credit until its end: a doubted clock makes credit run faster than shown


class Attack(NamedTuple):
    """Play `before` once, then `steps` `rounds` times; then the rest of the credit is used up."""

    before: tuple
    steps: tuple
    rounds: int = 25


def play(meter, step):
    """Do one step of an attack, and check the meter. Raises OverdrawnError."""
    word, *rest = step.split()
    if word in ("add", "set"):
        getattr(meter, word)(int(rest[0]))
    elif word == "again":
        if meter.spent and meter.answer["power"]:
            counts = sorted(meter.spent)
            meter.enter(meter.spent[counts[int(rest[0]) % len(counts)]])
    elif word == "wrong":
        if meter.answer["power"]:
            meter.enter(WRONG)
    elif word == "unlock":
        meter.wait_for_lockout()
    elif word == "wipe":
        for line in ("power off", "flash wipe", "power on", "provision"):
            meter.do(line)
    elif word == "keep":
        meter.keep_memory()
    elif word == "lose":
        meter.lose_flash(old=True)
    else:
        meter.do(step)
    meter.check()


def drain(meter):
    """Use up the remaining credit, and enter every token once more. Raises OverdrawnError."""
    for line in ("cut 0", "bus all alive", "flash take", "release 5", "power on", "provision"):
        meter.do(line)
    meter.check()
    for _ in range(DRAINS):
        left = meter.answer["seconds_left"]
        if not left:
            break
        meter.do(f"advance {left * 3 // 4 + 20}")  # a patient start; a flash that just refused
        assert meter.answer["load"] or not meter.answer["seconds_left"]
        meter.check()
    for digits in list(meter.spent.values()):
        meter.wait_for_lockout()
        meter.enter(digits)
    meter.check()
    assert not meter.answer["load"] and meter.answer["seconds_left"] == 0


def run(name, root=None):
    """Play an attack of ATTACKS; return the Meter, closed. Raises OverdrawnError."""
    attack = ATTACKS[name]
    with Meter(root) as meter:
        for step in attack.before:
            play(meter, step)
        for _ in range(attack.rounds):
            for step in attack.steps:
                play(meter, step)
        drain(meter)
    return meter


def _simple(*steps):
    return Attack(("add 6",), steps)


def _absence(line, seconds):
    """Move the clock while the power is off."""
    return _simple(f"advance {seconds}", "power off", line, "power on")


_NO_CELL = ("rtc lost",)
_SILENT = ("bus 0x68 dead", "clock rate 0")  # two switches, in the chip's wires
_HEARD = ("bus 0x68 alive", "clock rate 1")

ISSUE = {
    "1. no cell, 255 power cycles, then one each 58 minutes": Attack(
        (*_NO_CELL, *CYCLE * 255, "add 24"), ("advance 3480", *CYCLE), 40
    ),
    "2. no cell, four power cycles without credit before each token": Attack(
        _NO_CELL, (*CYCLE * 4, "add 24", *("advance 3480", *CYCLE) * 30), 3
    ),
    "3. data line cut and crystal stopped while on": Attack(
        ("add 48",), (*_SILENT, "advance 3480", "power off", *_HEARD, "power on"), 60
    ),
    "4. flash lost, old EEPROM, provisioned at the count of today": Attack(
        ("add 24", "keep"),
        ("add 1", "advance 86400", "power off", "rtc set -86400", "lose", "again 0", "again 1"),
        9,
    ),
}
"""The first four of the five that broke the rules of before; the fifth is `held_key`."""

CORNERS = {
    "cut before each record of a start": _simple("run 7200", *CYCLE),
    "cut before the load would open": _simple("run 7900", *CYCLE),
    "cut after each bound of ten": _simple("run 7700", *CYCLE),
    "cut after each bound of twenty": _simple("run 23200", *CYCLE),
    "cut after each bound of forty": _simple("run 55400", *CYCLE),
    "cut before each bound of sixty": _simple("run 104000", *CYCLE),
    "cut in each record": _simple("cut 1", "advance 60", *CYCLE),
    "cut late in each record": _simple("cut 4", "advance 120", *CYCLE),
    "a supply that bounces": Attack(("add 1",), ("run 400", *CYCLE), 400),
    "a supply that bounces as long as a patient start": Attack(
        ("add 1",), ("run 8200", *CYCLE), 60
    ),
    "a supply that bounces, and the clock set back": Attack(
        ("add 1",), ("run 7000", "power off", "rtc set -7", "power on"), 60
    ),
    "no cell, at once": Attack(("add 6", *_NO_CELL), CYCLE, 200),
    "no cell, and a new one": _simple(*_NO_CELL, *CYCLE, "rtc cell", "advance 600", *CYCLE),
    "no clock": Attack(("add 6", "bus 0x68 dead"), ("advance 600", *CYCLE), 25),
    "the clock comes back": _simple(*_SILENT, "advance 600", *_HEARD, "advance 40", *CYCLE),
    "a key held over each record": Attack(
        ("add 1",), ("press 5", "advance 100", *CYCLE, "release 5"), 5
    ),
    "a key held, a token in between": Attack(
        ("add 1",),
        ("press 5", "advance 45", f"uart #TOKEN;{WRONG}", "advance 40", *CYCLE, "release 5"),
        5,
    ),
    "the flash refuses": _simple(
        *("flash refuse", "advance 100", "power off", "flash take", "rtc set -90", "power on"),
        "run 9000",
    ),
    "the flash refuses now and then": _simple(
        *("flash refuse", "advance 57", "flash take", "run 500", "flash refuse", "advance 10"),
        *("power off", "flash take", "rtc set -60", "power on", "advance 30"),
    ),
    "58 minutes, then the flash is lost": Attack(
        ("add 24",),
        (*("advance 3480", "power off", "rtc set -3400", "power on") * 3, "rtc set -9", "wipe"),
        5,
    ),
    "59 minutes, the clock set back, the flash lost": Attack(
        ("add 24",), ("advance 3540", "power off", "rtc set -3500", "wipe"), 12
    ),
    "seconds, then the flash is lost": Attack(
        ("add 24",), (*("run 7000", "power off", "rtc set -7", "power on") * 9, "wipe"), 9
    ),
    "the second memory out while a token is entered": Attack(
        ("add 6", "bus 0x57 dead", "add 6", "bus 0x57 alive"),
        ("advance 900", *CYCLE, "again 0", "again 1"),
        4,
    ),
}

TRICKS = {
    "pull the plug every half minute": _simple("advance 30", *CYCLE),
    "and set the clock back": _absence("rtc set -30", 30),
    "every two minutes": _absence("rtc set -59", 119),
    "back to the last record": _absence("rtc set -48", 118),
    "back beyond the last record": _absence("rtc set -110", 100),
    "set it back while it runs": _simple("rtc set -40", "advance 45", *CYCLE),
    "take its battery": _simple("rtc lost", "advance 3590", *CYCLE),
    "stop its crystal": _simple("clock rate 0", "advance 900", *CYCLE),
    "slow its crystal": _simple("clock rate 0.5", "advance 900", *CYCLE),
    "a little": _simple("clock rate 0.97", "advance 900", "power off", "advance 60", "power on"),
    "slow it while the unit is off": _simple(
        *("advance 600", "clock rate 0", "power off", "advance 600", "clock rate 1", "power on")
    ),
    "wipe the flash": _simple("advance 1200", "wipe"),
    "try the token again in between": _simple("advance 100", "power off", "again 0", "power on"),
    "cut a second entry": _simple("cut 3", "again 0", "power on", "advance 60", "cut 0"),
    "cut a wrong entry": _simple("cut 2", "wrong", "power on", "advance 60", "cut 0"),
}

ATTACKS = ISSUE | CORNERS | TRICKS

HELD_KEY = "5. a key held over a due record, a token over the console"
HELD_MS = 5_000  # longest wait of a record for the key


def held_key(phases=96, root=None, wait=45):
    """Play the fifth attack: a key held over a due record, a wrong token over the console
    meanwhile.

    Once the key is released, record and attempt are written, and the power fails in the second,
    third or fourth of these steps, at `phases` phases of the record. `wait`: seconds from a token
    until the record is about due. Return (wrong tokens, number of these not counted).
    """
    tried = missed = 0
    with Meter(root) as meter:
        for phase in range(phases):
            meter.add(1)  # also ends a row of mistakes
            for line in (f"advance {wait}", "press 5", f"run {HELD_MS * phase // phases}"):
                meter.do(line)
            for line in (f"uart #TOKEN;{WRONG}", "run 3000", f"cut {2 + phase % 3}"):
                meter.do(line)
            before = meter.do("flash report")["erases"]
            for line in ("release 5", "run 400", "cut 0"):
                meter.do(line)
            if meter.do("flash report")["erases"] != before:
                continue  # the cut step belonged to no record
            for line in (*CYCLE, "run 100"):
                meter.do(line)
            meter.check()
            told = meter.do("uart #COUNTERS")["uart"][-1].split(";")
            tried += 1
            missed += told[2] != "1"
    return tried, missed
