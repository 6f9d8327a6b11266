"""The same input on CPython and on MicroPython gives the same output; hashes are the oracle's."""

import json
import random

import pytest
import siphash

from opaygo import Device, new_state, pack, siphash24
from opaygo.state import spend
from tests_host.token import vectors
from tools.interpreter import run_on_micropython
from tools.proofs.tokens.encoder import EXTENDED, PLAIN, Encoder

PAPER_KEY = bytes(range(16))
PAPER_DATA = bytes(range(15))
PAPER_HASH = "e545be4961ca29a1"  # the SipHash paper, appendix A: a129ca6149be45e5


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


@pytest.fixture(scope="module")
def job():
    return make_job()


def test_both_interpreters_say_the_same(job, tmp_path, capsys):
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job))
    output = run_on_micropython("tests_host.token.vectors", str(path))
    vectors.main(json.loads(path.read_text()))
    assert capsys.readouterr().out.splitlines() == output.splitlines()


def test_hashes_are_those_of_the_paper():
    assert siphash24(PAPER_KEY, PAPER_DATA).hex() == PAPER_HASH


def test_hashes_are_the_oracle_s(job):
    for key, data in job["hashes"]:
        key, data = bytes.fromhex(key), bytes.fromhex(data)
        oracle = siphash.SipHash_2_4(key, data).hash()
        assert int.from_bytes(siphash24(key, data), "little") == oracle


def test_chains_are_the_encoder_s(job):
    for key, extended, code, slices in job["chains"]:
        bases = 10**6 if extended else 1000
        # A starting code whose chain for this value begins at the code.
        unit = Encoder(bytes.fromhex(key), code)
        chain = unit.chain(0, sum(slices), EXTENDED if extended else PLAIN)
        assert chain[0] == code and bases
        for count, reached in vectors.walk(key, extended, code, slices):
            assert reached == chain[count]


def test_starting_codes_are_derived_as_the_encoder_does(job):
    for key, _, _ in job["devices"][:40]:
        key = bytes.fromhex(key)
        assert Device(key).starting_code == Encoder(key).starting_code
