"""The input for vectors.py, always the same."""

import random

from opaygo import new_state, pack
from opaygo.state import spend


def _hashes(rng):
    for size in (*range(33), 63, 64, 65, 255, 256, 257, 700):
        yield rng.randbytes(16).hex(), rng.randbytes(size).hex()


def _chains(rng):
    edges = (0, 1, 2**29, 2**30 - 1, 999999999)
    for code in (*edges, *(rng.randrange(10**9) for _ in range(20))):
        yield rng.randbytes(16).hex(), False, code, [1, 2, 3, 40]
    edges = (0, 1, 2**32 - 1, 2**32, 10**12 - 1)
    for code in (*edges, *(rng.randrange(10**12) for _ in range(20))):
        yield rng.randbytes(16).hex(), True, code, [1, 2, 3, 40]


ENTRIES = (
    "",
    "0",
    "12345678",
    "1234567890",
    "12345678x",
    "+23456789",
    " 23456789",
    "1_3456789",
    "١٢٣٤٥٦٧٨٩",
    "12345678²",
    "\x0012345678",
    "000000000",
    "999999999",
    "000000000000",
    "999999999999",
    "111111111111111",
    "444444444444444",
    "343434343434340",
    "423231333144444",
    "44444444444444444444",
    "11111111111111111111",
    "14313131313131313139",
    123456789,
    None,
    ["1"] * 9,
)
DEVICES = (
    ("00" * 15, 1, 1),
    ("00" * 17, 1, 1),
    ("", 1, 1),
    ("00" * 16, -1, 1),
    ("00" * 16, 10**9, 1),
    ("00" * 16, 10**9 - 1, 255),
    ("00" * 16, 1, 0),
    ("00" * 16, 1, 256),
    ("00" * 16, "1", 1),
    ("00" * 16, True, 1),
    ("00" * 16, 1.0, 1),
    ("00" * 16, 1, None),
    ("ff" * 16, None, 1),
)


def _records(rng):
    state = new_state(40)
    for n in range(70):
        yield pack(state).hex()
        marks = rng.randbytes(11) if n < 8 else b""
        final = rng.random() < 0.1
        state = spend(
            state, rng.randrange(1 << 40), 41 + n - n % 3 * 2, final, state.marks + marks
        )
    good = pack(state)
    yield from (good[:-1].hex(), (good + b"0").hex(), "", (b"\2" + good[1:]).hex())
    yield (good[:1] + bytes(4) + good[5:]).hex()  # the floor above the count


def make_job():
    """Return a job for vectors.py, always the same."""
    rng = random.Random(5)
    return {
        "hashes": [*_hashes(rng)],
        "chains": [*_chains(rng)],
        "entries": [(restricted, entry) for restricted in (False, True) for entry in ENTRIES],
        "devices": [[key.hex(), None, 1] for key in (rng.randbytes(16) for _ in range(40))]
        + [*DEVICES],
        "records": [*_records(rng)],
    }
