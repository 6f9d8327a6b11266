"""Ten thousand random entries on the simulated keypad, every answer held against the model."""

import random

import pytest

from tests_host.controller.customer import Customer
from tests_host.controller.twin import Twin

ENTRIES = 10_000
LIVES = 20
UNITS = (
    {},
    {"count": 0, "starting_code": 0},
    {"restricted": True},
    {"count": 700, "time_divider": 24},
    {"starting_code": None, "time_divider": 255, "count": 33},
)


@pytest.mark.long
@pytest.mark.parametrize("life", range(LIVES))
def test_random_entries_agree_with_the_model(life):
    seed = 20_000 + life
    print(f"seed {seed}")
    source = random.Random(seed)
    key = source.randbytes(16).hex()
    log = []
    with Twin(key=key, **UNITS[life % len(UNITS)]) as twin:
        customer = Customer(source, twin)
        try:
            while twin.entries < ENTRIES // LIVES:
                log.append(customer.step())
        finally:
            print("\n".join(log[-8:]))
    outcomes = {line.split(": ")[1] for line in log if ": " in line}
    assert len(outcomes) >= 9, f"a dull life: {outcomes}"
