"""`payg sim --pico`: the line protocol of the fast simulator, answered alike."""

import json

import pytest

from firmware.events import RESTART
from tools.cli import main as payg
from tools.emulator.run import main
from tools.identity import PUBLISHED_CODE as STARTING_CODE
from tools.identity import PUBLISHED_KEY as KEY
from tools.proofs.emulated import add
from tools.proofs.simulator import PAYG_SIM, Sim

UNIT = {"serial": "A1", "key": KEY.hex(), "starting_code": STARTING_CODE}
SCRIPT = (
    *("status", f"keys {add(1, 2)}#", f"keys {add(1, 2)}#", "keys 123456789#", "keys 12#"),
    *(f"uart #TOKEN;{add(2, 4)}", "uart #ID", "cut 2", f"keys {add(1, 6)}#", "power on"),
    *(f"keys {add(1, 6)}#", "rtc set 3600", "power off", "advance 3600", "power on"),
    *("supply battery 9000", "advance 15", "events"),
)
SAME = ("result", "display", "load", "power", "count", "payg", "active", "uart", "clock_faults")


def test_without_an_image_it_says_so_in_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MICROPYTHON_UF2", str(tmp_path / "none.uf2"))
    assert main(["{}"]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert "none.uf2" in json.loads(line)["error"]


@pytest.mark.parametrize("options", (("--pico", "--board", "esp32"), ("--image", __file__)))
def test_options_that_do_not_go_together(options, capsys):
    with pytest.raises(SystemExit) as ended:
        payg(["sim", "--headless", *options])
    assert ended.value.code == 2 and "--pico" in capsys.readouterr().err


def events_of(answer, but):
    """Return the kinds of all events but one."""
    return [event for _, event, _ in answer["events"] if event != but]


@pytest.mark.emulated
def test_any_script_runs_on_either(image):
    fast, slow = Sim(board="pico", **UNIT), Sim(900, PAYG_SIM, pico=True, image=image, **UNIT)
    with fast, slow:
        for line in SCRIPT:
            expected, found = fast.do(line), slow.do(line)
            for name in SAME:
                assert found.get(name) == expected.get(name), (line, name)
            if "events" in expected:
                # At its prompt a unit is provisioned with a restart.
                assert events_of(found, RESTART) == events_of(expected, RESTART)


@pytest.mark.emulated
def test_what_a_killed_one_leaves_the_other_goes_on_with(image, tmp_path):
    with Sim(900, PAYG_SIM, pico=True, image=image, state=tmp_path, **UNIT) as slow:
        assert slow.keys(add(1, 2) + "#")["result"] == "ADD_TIME"
    with Sim(board="pico", state=tmp_path, **UNIT) as fast:
        answer = fast.status()
    assert (answer["count"], answer["load"], answer["clock_faults"]) == (2, True, 0)
