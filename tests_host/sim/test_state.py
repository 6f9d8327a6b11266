"""The directory `state` keeps a unit between runs, however they end."""

import json

KEY = "00112233445566778899aabbccddeeff"


def test_flash_eeprom_and_clock_are_kept(launch, tmp_path):
    options = {"serial": "K1", "key": KEY, "starting_code": 1, "state": str(tmp_path / "a" / "b")}
    sim = launch(**options)
    first = sim.do("status")
    assert first["provisioned"]
    sim.do("advance 5000")
    sim.do("clock rate 2")
    erases = sim.do("flash report")["erases"]
    sim.close()
    again = launch(**options)
    after = again.do("status")
    assert after["provisioned"] and after["t"] == 0
    assert all(new >= old for new, old in zip(again.do("flash report")["erases"], erases))


def test_a_blank_unit_stays_blank_until_it_gets_an_identity(launch, tmp_path):
    assert not launch(state=str(tmp_path)).close()[0]["provisioned"]
    assert launch(serial="K1", key=KEY, state=str(tmp_path)).close()[0]["provisioned"]
    sim = launch(state=str(tmp_path))
    assert sim.do("status")["provisioned"]
    assert "error" in sim.do("provision")


def test_another_identity_is_one_line_and_status_2(launch, tmp_path):
    launch(serial="K1", key=KEY, state=str(tmp_path)).close()
    for other in ({"serial": "K2", "key": KEY}, {"serial": "K1", "key": KEY[::-1]}):
        sim = launch(state=str(tmp_path), **other)
        line = sim.read_line()
        assert "error" in json.loads(line)
        assert sim.read_line() == ""
        assert sim.wait() == 2
        assert other["key"] not in line + sim.stderr()


def test_a_killed_simulator_leaves_its_state(launch, tmp_path):
    options = {"serial": "K1", "key": KEY, "state": str(tmp_path)}
    for signal in (15, 9, 2):
        sim = launch(**options)
        assert sim.do("status")["provisioned"]
        sim.do("advance 100")
        sim._process.send_signal(signal)
        sim._process.wait(20)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["clock.bin", "eeprom.bin", "flash.bin", "wear.txt"]
    assert launch(state=str(tmp_path)).do("status")["provisioned"]


def test_the_files_are_the_chips(start, tmp_path):
    sim = start(state=str(tmp_path))
    sim.do("keys 1234#")
    sim.do("keys 8#")
    eeprom = (tmp_path / "eeprom.bin").read_bytes()
    assert len(eeprom) == 4096 and eeprom[:2] == b"8\xff"
    assert len((tmp_path / "flash.bin").read_bytes()) == 352 * 4096
    sim.do("flash wipe")
    sim.do("power off")
    image = (tmp_path / "flash.bin").read_bytes()
    assert image.count(b"\xff") > len(image) - 5000


def test_damaged_files_are_not_believed(launch, tmp_path):
    launch(state=str(tmp_path)).close()
    (tmp_path / "flash.bin").write_bytes(b"short")
    sim = launch(state=str(tmp_path))
    assert "flash.bin" in json.loads(sim.read_line())["error"]
    assert sim.wait() == 2
