"""Attempt recorded, token judged, new state stored, load switched: in this order."""

import pytest

import opaygo
from firmware import unit as unit_module
from firmware.load import LoadSwitch
from firmware.store import Store
from firmware.unit import WRITING, Unit
from tests_host.store.memory import IDENTITY, Memory
from tools.tokens import make_token


class Chip:
    """`tools.tokens` wants an identity with its next count."""

    starting_code, key, restricted = IDENTITY.starting_code, IDENTITY.key, False
    count, time_divider = 1, 1


@pytest.fixture
def events(monkeypatch):
    log = []

    def judging(*arguments):
        log.append("judged")
        return opaygo.judging(*arguments)

    fake = type("opaygo", (), {name: getattr(opaygo, name) for name in dir(opaygo)})
    fake.judging = staticmethod(judging)
    monkeypatch.setattr(unit_module, "opaygo", fake)
    return log


def entered(events, digits):
    flash, second = Memory(log=events), Memory(log=events)
    unit = Unit(Store([flash, second]), None, LoadSwitch(lambda level: events.append(level), 1))
    unit.start()
    unit.provision(IDENTITY)
    events.clear()
    for step in unit.entering(digits):
        if step == WRITING:
            events.append("writing")
    return events, unit.outcome


def test_a_valid_token(events):
    _, digits = make_token(Chip, "add", 3)
    assert entered(events, digits) == (
        ["writing", "beat", "judged", "writing", "full", "full", 1],
        "ADD_TIME",
    )


def test_a_wrong_token(events):
    assert entered(events, "000000000") == (
        ["writing", "beat", "judged", "writing", "beat"],
        "INVALID",
    )
