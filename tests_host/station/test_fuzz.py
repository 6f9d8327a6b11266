"""A sealed unit and 100,000 console lines, random and made by the protocol's grammar.

All of them go to the whole firmware, which runs on simulated chips. It must answer each line, and
nothing about it may change but the count of wrong tokens.
"""

import random
import re
import string
from itertools import chain

import pytest

from tests_host.helpers.published import ADD_1, ADD_29, KEY, UNIT
from tools.proofs.simulator import Sim

LINES = 25_000
CHUNK = 500
# What reaches for a prompt: Ctrl-A to Ctrl-E, raw paste, escape; no line ends.
CONTROL = "\x01\x02\x03\x04\x05\x1a\x1b\x7f\x00"
CODE = (
    "import machine; machine.reset()",
    "print(controller.unit.identity.key)",
    "\x05A\x01",
    "\x03\x03\x01import os\x04",
    "\x02>>> raw REPL; CTRL-B to exit",
    "__import__('os').remove('main.py')",
)
WORDS = ("TOKEN", "STATUS", "ID", "SETUP", "COUNTERS", "LOG", "token", "KEY", "SLT000000001")


def _digits(noise, *lengths):
    return "".join(noise.choice(string.digits) for _ in range(noise.choice(lengths)))


def _field(noise):
    kind = noise.randrange(8)
    if kind == 0:
        return _digits(noise, 1, 2, 5, 9, 12, 15, 20)
    if kind == 1:
        return "".join(noise.choice("0123456789abcdefABCDEF") for _ in range(32))
    if kind == 2:
        return noise.choice(WORDS)
    if kind == 3:
        return KEY[: noise.randrange(1, 31)]
    if kind == 4:
        return noise.choice(("", " ", "-1", "+5", "1e9", "٣", "²", "é", "None", "0x10"))
    return "".join(noise.choice(string.ascii_letters) for _ in range(noise.randrange(12)))


def _grammatical(noise):
    word = noise.choice(WORDS)
    if word == "TOKEN" and noise.random() < 0.5:
        return "#TOKEN;" + _digits(noise, 9, 12)
    if word == "LOG" and noise.random() < 0.5:
        return f"#LOG;{noise.randrange(50)}"
    if word == "SETUP" and noise.random() < 0.5:
        key = "".join(noise.choice("0123456789abcdefABCDEF") for _ in range(32))
        return f"#SETUP;FUZZ{noise.randrange(99)};{_digits(noise, 9)};{key}"
    fields = [word] + [_field(noise) for _ in range(noise.randrange(5))]
    return "#" + ";".join(fields) + noise.choice(("", ";", "\x03", " "))


def _random(noise):
    letters = string.printable[:94] + CONTROL + "äß\u2028\U0001f512"
    length = noise.choice((1, 3, 20, 60, 119, 120, 121, 300))
    return "".join(noise.choice(letters) for _ in range(length))


def line_of(noise):
    """One line, or several with carriage returns between them; never a line feed."""
    make = noise.choice((_grammatical, _grammatical, _random, lambda n: n.choice(CODE)))
    line = make(noise)
    return f"{line}\r{_grammatical(noise)}" if noise.random() < 0.05 else line


def _facts(sim):
    """Return the facts that must not change, the wrong tokens in a row, and the seconds left."""
    status = sim.status()
    (counters,) = sim.do("uart #COUNTERS")["uart"]
    count, mistakes, _, faults, restarts = counters.split(";")[1:]
    (identity,) = sim.do("uart #ID")["uart"]
    events = sim.do("events")["events"]
    facts = (status["payg"], status["count"], count, faults, restarts, identity, events)
    return facts, int(mistakes), status["seconds_left"]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_sealed_unit_gives_nothing_away_and_changes_nothing(seed):
    noise = random.Random(seed)
    with Sim(**UNIT) as sim:
        assert sim.keys(ADD_1 + "#")["result"] == "ADD_TIME"
        sim.do("advance 3600")
        before, mistakes, left = _facts(sim)
        refused = 0
        for _ in range(LINES // CHUNK):
            lines = [line_of(noise) for _ in range(CHUNK)]
            for line, answers in zip(lines, _told(sim, lines)):
                refused += _judge(line, answers)
            after, now, seconds = _facts(sim)
            assert after == before
            assert mistakes <= now <= mistakes + refused and 0 < seconds <= left
            mistakes, left, refused = now, seconds, 0
        assert mistakes > 4, "wrong tokens were not even judged"
        sim.do(f"advance {sim.status()['locked_seconds']}")
        assert sim.keys(ADD_29 + "#")["result"] == "ADD_TIME"


def test_the_noise_has_whole_identities_in_it():
    noise = random.Random(0)
    text = "\r".join(line_of(noise) for _ in range(LINES))
    assert len(re.findall(r"#SETUP;FUZZ\d+;\d{9};[0-9a-fA-F]{32}(?![^\r])", text)) > LINES / 100


def _told(sim, lines):
    """Yield the answers to each line: to a refused token there is none for three seconds."""
    commands = [[f"uart {line}", "run 3500"][: 1 + ("#TOKEN;" in line)] for line in lines]
    answers = iter(sim.do_all(chain(*commands)))
    for some in commands:
        yield [next(answers) for _ in some]


def _judge(line, answers):
    """Check what came back; return how many tokens were refused as wrong."""
    assert not any("error" in answer for answer in answers), (line, answers)
    said = [text for answer in answers for text in answer["uart"]]
    assert len(said) == len([part for part in line.split("\r") if part]), (line, said)
    for text in said:
        assert text.startswith(("#INVALID", "#TOKEN;", "#STATUS;", "#ID;", "#COUNTERS;", "#LOG;"))
        assert not text.startswith(("#TOKEN;VALID", "#TOKEN;PAYG")), (line, text)
        assert KEY not in text.lower() and KEY[:16] not in text.lower()
    assert all(answer["load"] and answer["power"] for answer in answers)
    return said.count("#TOKEN;INVALID")
