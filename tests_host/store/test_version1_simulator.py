"""Folders of `payg sim --state` that version 1 left: the whole unit goes on with them."""

import base64
import json
import zlib
from pathlib import Path

import pytest

from firmware.account import UNKNOWN
from tests_host.helpers.published import KEY, SET_7, STARTING_CODE
from tools.proofs.simulator import Sim
from tools.seconds import DAY

KEPT = json.loads((Path(__file__).parent / "version1" / "simulator.json").read_text())
UNIT = {"serial": "S1", "key": KEY, "starting_code": STARTING_CODE}


def unpacked(name, folder):
    """Put the files of a kept unit into a folder; return what it knew."""
    kept = KEPT[name]
    for file, data in kept["files"].items():
        (folder / file).write_bytes(zlib.decompress(base64.b85decode(data)))
    return kept


@pytest.mark.parametrize("name", KEPT)
def test_a_unit_of_version_1_goes_on(name, tmp_path):
    kept = unpacked(name, tmp_path)
    found = []
    for _ in range(2):
        with Sim(state=tmp_path, **UNIT, **kept["options"]) as sim:
            found.append(sim.status())
            sim.close()
    for now in found:
        assert (now["provisioned"], now["load"], now["count"]) == (True, True, kept["count"])
        assert now["locked_seconds"] == kept["locked"]
    first, second = [now["seconds_left"] for now in found]
    # The newest record was up to an hour older than what the unit last showed.
    assert kept["left"] - UNKNOWN - 60 <= first <= kept["left"]
    assert first - 60 <= second <= first  # it found records of this version


@pytest.mark.parametrize("name", KEPT)
def test_used_tokens_are_used_and_the_next_one_works(name, tmp_path):
    kept = unpacked(name, tmp_path)
    with Sim(state=tmp_path, **UNIT, **kept["options"]) as sim:
        sim.do(f"advance {kept['locked'] + 1}")
        for digits in kept["used"]:
            assert sim.keys(digits + "#")["result"] == "ALREADY_USED"
        assert sim.keys(SET_7 + "#")["result"] == "SET_TIME"
        assert sim.status()["seconds_left"] > 7 * DAY - 60


def test_what_lay_in_nvs_is_taken_over(tmp_path):
    kept = unpacked("esp32", tmp_path)
    names = [key for _, key, _ in json.loads((tmp_path / "nvs.json").read_text())]
    assert {"identity.0", "full.0", "beat.0"} <= set(names)
    with Sim(state=tmp_path, **UNIT, **kept["options"]) as sim:
        assert sim.status()["count"] == kept["count"]
        sim.close()
    assert json.loads((tmp_path / "nvs.json").read_text()) == []
