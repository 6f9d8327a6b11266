"""The same input on CPython and on MicroPython gives the same output; hashes are the oracle's."""

import json

import pytest
import siphash

from opaygo import Device, siphash24
from tests_host.token import vectors
from tests_host.token.vectors_job import make_job
from tools.interpreter import run_on_micropython
from tools.proofs.tokens.encoder import EXTENDED, PLAIN, Encoder

PAPER_KEY = bytes(range(16))
PAPER_DATA = bytes(range(15))
PAPER_HASH = "e545be4961ca29a1"  # the SipHash paper, appendix A: a129ca6149be45e5


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
