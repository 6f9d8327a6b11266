"""The simulated unit on a cable: the real mpremote against the real MicroPython, in real time."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from tools.cable.unit import CableError, SimulatedUnit
from tools.identity import Identity
from tools.paths import ROOT
from tools.station import prompt as ports
from tools.station.deploy import deploy, look, wanted
from tools.station.prompt import PortError, Prompt

SERIAL, KEY = "A1", bytes(range(16))
KEYS = """
import asyncio
asyncio.new_event_loop()  # what main.py had begun does not go on
pressed = []
pad = controller.wiring.matrix(pressed.append, lambda *stuck: None)
async def until(number):
    task = asyncio.create_task(pad.run())
    print("ready")
    while len(pressed) < number:
        await asyncio.sleep_ms(20)
    task.cancel()
asyncio.run(until(3))
print(pressed)
"""


@pytest.fixture
def unit_of():
    """Function that makes a SimulatedUnit; all are taken away in the end."""
    units = []

    def make(**options):
        units.append(SimulatedUnit(**options))
        return units[-1]

    yield make
    for unit in units:
        unit.close()


@pytest.fixture
def transport():
    """Function that opens mpremote's own transport to a unit."""
    opened = []

    def make(unit):
        opened.append(SerialTransport(unit.port, baudrate=115200, timeout=5))
        return opened[-1]

    yield make
    for each in opened:
        with contextlib.suppress(OSError):  # its cable was pulled
            each.close()


def run(unit, code):
    """Run code at the unit's prompt; return the lines that it printed."""
    with Prompt(unit.port) as prompt:
        return prompt.run(code).splitlines()


def enter(port, attempts=3):
    """Reach the raw prompt; a Ctrl-C that comes before the firmware has it on is lost."""
    for left in reversed(range(attempts)):
        try:
            port.enter_raw_repl(soft_reset=False, timeout_overall=3)
            return
        except TransportError:
            if not left:
                raise


def hear(port, until, patience=10):
    """Return what comes from a port up to and with `until`."""
    heard, limit = b"", time.monotonic() + patience
    while not heard.endswith(until):
        assert time.monotonic() < limit, (heard, until)
        heard += port.read(1)
    return heard


# --- the prompt --------------------------------------------------------------------------


def test_ctrl_c_on_a_blank_unit_leads_to_the_prompt_with_the_names_of_main(unit_of):
    unit = unit_of(board="pico")
    said = run(
        unit,
        "import sys\nprint(controller.unit.identity, sys.implementation._machine)\n"
        "print(controller.load)",
    )
    assert said[0] == "None Raspberry Pi Pico with RP2040"
    assert said[1].startswith("<LoadSwitch")


def test_it_calls_itself_what_it_simulates(unit_of):
    code = "import sys\nprint(sys.implementation._machine)"
    assert run(unit_of(board="esp32", bare=True), code) == ["Generic ESP32 module with ESP32"]


def test_keys_pressed_are_seen_by_code_at_the_prompt(unit_of, transport):
    unit = unit_of(board="pico")
    port = transport(unit)
    port.enter_raw_repl(soft_reset=False)
    port.exec_raw_no_follow(KEYS)
    hear(port.serial, b"ready\r\n")
    unit.do("keys 4")
    unit.do("keys *7")
    assert port.follow(10) == (b"['4', '*', '7']\r\n", b"")


def test_pins_switch_what_is_wired_to_them(unit_of):
    unit = unit_of()
    with Prompt(unit.port) as prompt:
        prompt.run("from machine import Pin\nPin(15, Pin.OUT, value=1)")
        assert unit.do("status")["load"] is True
        prompt.run("Pin(15, Pin.OUT, value=0)")
        assert unit.do("status")["load"] is False


def test_commands_at_the_prompt_leave_no_trace_on_the_console(unit_of, transport):
    unit = unit_of(bare=True)
    port = transport(unit)
    port.serial.write(b"\r")
    hear(port.serial, b">>> ")
    for command in ("status", "keys 1", "levels"):
        unit.do(command)
    port.serial.write(b"6*7\r")
    assert hear(port.serial, b">>> ") == b"6*7\r\n42\r\n>>> "
    port.enter_raw_repl(soft_reset=False)
    unit.do("status")
    assert port.exec("print(_)") == b"42\r\n"


def test_half_a_line_is_left_alone(unit_of, transport):
    unit = unit_of(bare=True)
    port = transport(unit)
    port.serial.write(b"\r")
    hear(port.serial, b">>> ")
    port.serial.write(b"6*")
    hear(port.serial, b"6*")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(unit.do("status")))
    asking.start()
    port.serial.write(b"7\r")
    assert hear(port.serial, b">>> ") == b"7\r\n42\r\n>>> "
    asking.join(10)
    assert answers[0]["power"]


@pytest.mark.parametrize("code", ["while True:\n pass", "import time\ntime.sleep(99)"])
def test_ctrl_c_interrupts_a_program_at_the_prompt(unit_of, transport, code):
    port = transport(unit_of(bare=True))
    port.enter_raw_repl(soft_reset=False)
    port.exec("kept = 1")
    port.exec_raw_no_follow(f"print('on')\n{code}")
    hear(port.serial, b"on\r\n")
    port.serial.write(b"\x03\x03\x03")
    _, error = port.follow(10)
    assert error.rstrip().endswith(b"KeyboardInterrupt:")
    assert port.exec("print(kept)") == b"1\r\n"


def test_with_kbd_intr_off_it_is_a_character_and_on_again_in_the_next_line(unit_of, transport):
    port = transport(unit_of(bare=True))
    port.enter_raw_repl(soft_reset=False)
    port.exec_raw_no_follow(
        "import micropython, sys\nmicropython.kbd_intr(-1)\nprint('on')\n"
        "print(sys.stdin.read(3).encode())"
    )
    hear(port.serial, b"on\r\n")
    port.serial.write(b"a\x03b")
    assert port.follow(10) == (b"b'a\\x03b'\r\n", b"")
    port.exec_raw_no_follow("print('on')\nwhile True: pass")
    hear(port.serial, b"on\r\n")
    port.serial.write(b"\x03")
    assert b"KeyboardInterrupt" in port.follow(10)[1]


# --- files -------------------------------------------------------------------------------


def test_a_file_is_copied_there_and_back_and_outlives_the_power(unit_of, transport):
    unit = unit_of(bare=True)
    content = bytes(range(256)) * 20
    port = transport(unit)
    port.enter_raw_repl(soft_reset=False)
    port.fs_mkdir("deep")
    port.fs_writefile("/deep/file", content)
    unit.power_off()
    unit.power_on()
    unit.plug()
    port = transport(unit)
    port.enter_raw_repl(soft_reset=False)
    assert port.fs_readfile("deep/file") == content
    assert [entry.name for entry in port.fs_listdir("/")] == ["deep"]


def test_what_is_deployed_runs_after_the_restart(unit_of, pico_build):
    tree, manifest = pico_build
    unit = unit_of(board="pico", bare=True)
    with Prompt(unit.port) as prompt:
        deploy(prompt, tree, manifest, lambda line: None)
        prompt.restart()
    unit.wait_restart(1)
    assert unit.do("status")["provisioned"] is False
    with Prompt(unit.port) as prompt:
        said = prompt.run(
            "import firmware.unit\nprint(controller.unit.identity, firmware.unit.__file__)"
        )
        assert said.split() == ["None", "firmware/unit.mpy"]
        found = look(prompt)
    assert found == wanted(manifest)


def test_flash_is_as_large_as_it_is_said_to_be(unit_of):
    unit = unit_of(bare=True, flash_kb=64)
    assert run(unit, "import os\nfound = os.statvfs('/')\nprint(found[0] * found[2])") == ["65536"]
    code = "file = open('x', 'wb')\nfor _ in range(20):\n file.write(bytes(4096))"
    with pytest.raises(Exception, match="28"):  # ENOSPC
        run(unit, code)


def test_the_firmware_of_the_checkout_cannot_be_written(unit_of):
    unit = unit_of()
    before = (ROOT / "boot.py").read_bytes()
    with pytest.raises(Exception, match="30"):  # EROFS
        run(unit, "open('/rom/boot.py', 'w')")
    assert (ROOT / "boot.py").read_bytes() == before


# --- restarts ----------------------------------------------------------------------------


@pytest.mark.parametrize("board, cause", [("pico", 3), ("esp32", 2)])
def test_a_reset_from_the_prompt_restarts_it(unit_of, board, cause):
    unit = unit_of(board=board)
    with Prompt(unit.port) as prompt:
        prompt.run("mine = 1")
        prompt.restart()
    unit.wait_restart(1)
    assert run(unit, "import machine\nprint(machine.reset_cause(), 'mine' in globals())") == [
        f"{cause} False"
    ]


def test_a_reset_after_ctrl_c_is_a_reset(unit_of, transport):
    unit = unit_of(bare=True)
    port = transport(unit)
    port.enter_raw_repl(soft_reset=False)
    code = "import machine, time\ntry:\n print('on')\n time.sleep(99)\nfinally:\n machine.reset()"
    port.exec_raw_no_follow(code)
    hear(port.serial, b"on\r\n")
    port.serial.write(b"\x03")
    unit.wait_restart(1)


def test_a_timer_fires_while_the_prompt_waits(unit_of):
    unit = unit_of(bare=True)
    run(
        unit,
        "from machine import Timer, reset\nheld = Timer(period=300, callback=lambda t: reset())",
    )
    unit.wait_restart(1)


def test_the_watchdog_bites_while_the_prompt_waits(unit_of):
    unit = unit_of(bare=True)
    run(unit, "import machine\nmachine.WDT(timeout=300)")
    unit.wait_restart(1)


def test_mpremote_soft_resets_into_the_raw_prompt_without_main(unit_of, transport):
    unit = unit_of(board="pico")
    port = transport(unit)
    port.enter_raw_repl(soft_reset=True)
    assert port.exec("print('controller' in globals())") == b"False\r\n"
    port.exit_raw_repl()
    port.serial.write(b"\x04")
    hear(port.serial, b"MPY: soft reboot\r\n")
    unit.wait_restart(2)
    enter(port)
    assert port.exec("print(controller.unit.identity)") == b"None\r\n"


def test_a_cut_in_the_middle_of_a_write_leaves_it_without_power(unit_of):
    unit = unit_of(bare=True)
    run(unit, "with open('old', 'w') as file:\n file.write('old')")
    unit.do("cut 1")
    with Prompt(unit.port) as prompt:
        code = "file = open('old', 'w')\nfile.write('new' * 999)\nfile.close()"
        prompt._transport.exec_raw_no_follow(code)
    while unit.do("status")["power"]:
        pass
    assert unit.do("status")["power"] is False
    with pytest.raises(CableError, match="no power"):
        unit.do("keys 1")
    unit.power_on()
    assert run(unit, "print(open('old').read())") == ["old"]


def test_power_lost_at_any_moment_is_survived(unit_of):
    unit = unit_of(bare=True)
    run(unit, "file = open('number', 'w')\nfile.write('0')\nfile.close()")
    code = """
for number in range(1000):
    with open('new', 'w') as file:
        file.write(str(number))
    os.rename('new', 'number')
    print(number)
"""
    for after in (1, 4, 9):
        port = SerialTransport(unit.port, baudrate=115200, timeout=5)
        port.enter_raw_repl(soft_reset=False)
        port.exec_raw_no_follow("import os" + code)
        hear(port.serial, f"{after}\r\n".encode())
        unit.power_off()
        port.close()
        unit.plug()
        unit.power_on()
        assert int(run(unit, "print(open('number').read())")[0]) >= after


def test_the_clock_chip_goes_on_without_power_and_through_a_jump(unit_of):
    unit = unit_of(board="pico")
    before = int(run(unit, "print(clock.read())")[0])
    unit.do("advance 100")
    unit.power_off()
    unit.do("advance 1000")
    unit.power_on()
    assert 1100 <= int(run(unit, "print(clock.read())")[0]) - before < 1160


def test_what_was_done_to_the_supply_outlives_a_restart(unit_of):
    unit = unit_of(board="pico")
    unit.do("supply battery 11000")
    with Prompt(unit.port) as prompt:
        prompt.restart()
    unit.wait_restart(1)
    code = "from machine import ADC\nprint(ADC(26).read_u16())"
    assert abs(int(run(unit, code)[0]) / 65535 * 3.3 * 11 - 11) < 0.1


# --- sealed ------------------------------------------------------------------------------


def test_a_sealed_unit_answers_lines_and_nothing_else(unit_of, transport, monkeypatch):
    unit = unit_of(board="pico", identity=Identity(SERIAL, KEY))
    port = transport(unit)
    port.serial.write(b"\r\n\x03\x03\x04\x01\x02\x05\r\n")
    assert hear(port.serial, b"\r\n") == b"#INVALID\r\n"
    port.serial.write(b"#STATUS\r\n")
    assert hear(port.serial, b"\r\n") == b"#STATUS;INACTIVE\r\n"
    port.close()
    monkeypatch.setattr(ports, "QUIET", 0.2)
    with pytest.raises(PortError, match="sealed"):
        run(unit, "")
    assert unit.restarts == 0


def test_it_is_sealed_through_resets_under_a_flood(unit_of, transport):
    unit = unit_of(board="pico", identity=Identity(SERIAL, KEY))
    port = transport(unit)
    for _ in range(3):
        unit.power_off()
        port.serial.write(b"\x03" * 100)
        threading.Timer(0.1, lambda: port.serial.write(b"\x03" * 100)).start()
        unit.power_on()
    port.serial.write(b"\r\n#STATUS\r\n")
    assert b">>>" not in hear(port.serial, b"#STATUS;INACTIVE\r\n")
    assert unit.restarts == 0


# --- the cable ---------------------------------------------------------------------------


def test_a_pulled_cable_hangs_up_and_the_unit_runs_on(unit_of):
    unit = unit_of(bare=True)
    with Prompt(unit.port) as prompt:
        prompt.run("kept = 1")
        unit.pull()
        assert unit.port is None
        with pytest.raises(PortError):
            prompt.run("print(kept)")
    unit.plug()
    assert run(unit, "print(kept)") == ["1"]


def test_a_cable_pulled_in_the_middle_of_a_transfer(unit_of):
    unit = unit_of(bare=True)
    unit.plug(limit=1500)
    with pytest.raises(PortError), Prompt(unit.port) as prompt:
        prompt.run("file = open('x', 'wb')")
        for _ in range(10):
            prompt.run(f"file.write({bytes(100)!r})")
    assert unit.sent == 1500 and unit.port is None
    unit.plug()
    assert run(unit, "file.close()\nimport os\nprint(0 < os.stat('x')[6] < 1000)") == ["True"]


def test_nobody_reads_and_the_unit_runs_on(unit_of):
    unit = unit_of(bare=True)
    with Prompt(unit.port) as prompt:
        prompt._transport.exec_raw_no_follow("for _ in range(3000):\n print('x' * 100)\ndone = 1")
    unit.do("status", 30)
    unit.plug()
    assert run(unit, "print(done)") == ["1"]


# --- the command -------------------------------------------------------------------------


def start(*arguments):
    """Start `payg sim --headless --cable`; return the process and its port."""
    code = "from tools.cli import main; main()"
    command = [sys.executable, "-c", code, "sim", "--headless", "--cable", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, json.loads(process.stdout.readline())["port"]


def ask(process, line):
    """Return the answer to a command."""
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def children(process):
    """Process ids of the children."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        found = file.read().split()
    for task in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{task}/children") as file:
            found += file.read().split()
    return set(found)


def gone(pid):
    """Wait until a process is gone."""
    limit = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < limit:
        with open(f"/proc/{pid}/stat") as file:
            if file.read().split()[2] == "Z":
                return True
        time.sleep(0.01)
    return not os.path.exists(f"/proc/{pid}")


def test_the_command_serves_a_port_and_commands(tmp_path):
    process, port = start("--state", str(tmp_path), "--board", "pico", "--bare")
    with Prompt(port) as prompt:
        prompt.run("file = open('x', 'w')\nfile.write('kept')\nfile.close()")
    assert ask(process, "status")["power"] is True
    assert "error" in ask(process, "nonsense")
    assert "error" in ask(process, "uart x")
    assert "error" in ask(process, "plug x")
    assert ask(process, "power off")["power"] is False
    assert ask(process, "pull") == {"port": None}
    port = ask(process, "plug")["port"]
    assert ask(process, "power on")["power"] is True
    with Prompt(port) as prompt:
        assert prompt.run("print(open('x').read())") == "kept\n"
    process.stdin.close()
    assert process.wait(10) == 0
    with SimulatedUnit(state=tmp_path, board="pico", bare=True) as unit:
        assert run(unit, "print(open('x').read())") == ["kept"]


@pytest.mark.parametrize("options", [(), ("--bare",)], ids=["firmware", "prompt"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_child_is_left_behind(number, options):
    process, _ = start(*options)
    found = children(process)
    assert found
    process.send_signal(number)
    assert process.wait(10) == (-number if number == signal.SIGKILL else 128 + number)
    assert all(gone(pid) for pid in found)


def test_a_state_of_another_size_is_refused(tmp_path):
    SimulatedUnit(state=tmp_path, bare=True, flash_kb=64).close()
    with pytest.raises(CableError, match="not 1441792 bytes"):
        SimulatedUnit(state=tmp_path, bare=True)


def test_an_error_at_the_prompt_is_told(unit_of):
    with Prompt(unit_of(bare=True).port) as prompt, pytest.raises(Exception, match="ZeroDivision"):
        prompt.run("1 / 0")


def test_a_full_disk_is_told_and_ends_the_unit(tmp_path):
    full = f"{tmp_path}/.*: no space left on the disk"
    (tmp_path / "flash.bin.new").symlink_to("/dev/full")
    with pytest.raises(CableError, match=full):
        SimulatedUnit(state=tmp_path)
    (tmp_path / "flash.bin.new").unlink()
    with SimulatedUnit(state=tmp_path) as unit:
        (tmp_path / "clock.bin.new").symlink_to("/dev/full")
        with pytest.raises(CableError, match=full):
            unit.do("advance 5")
