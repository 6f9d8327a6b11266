"""A unit, or a stranger on the port, gives malformed answers: one plain sentence each time.

Control characters in an answer appear in a visible form.
"""

import os
import pty
import threading
import tty

import pytest
from click.testing import CliRunner

from tests_host.station.line import CHECK, FIRST, list_file, stranger
from tools.batches.ledger import Ledger
from tools.commands.console import command as console
from tools.commands.provision import command as provision
from tools.commands.verify import command as verify
from tools.station import prompt as ports
from tools.station.prompt import PortError, Prompt, RefusedError, readable

ID = f"#ID;{FIRST.serial};{CHECK};1;0.1.0\n"
RIGHT = {
    "#ID": ID.encode(),
    "#STATUS": b"#STATUS;INACTIVE\n",
    "#COUNTERS": b"#COUNTERS;1;0;0;0;0\n",
    "#LOG;0": b"#LOG;0;5;1;0\n",
    "#LOG;1": b"#LOG;END\n",
}


def run(command, *arguments):
    """Return (exit code, output); an exception fails the test."""
    result = CliRunner().invoke(command, [str(word) for word in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def strange(port, said):
    """Is the last line the one plain sentence?"""
    last = said.splitlines()[-1]
    return f"the unit on {port} answers in another way than this version expects" in last


def test_the_right_answers_are_understood():
    with stranger(RIGHT) as port:
        code, said = run(console, "--port", port)
    assert code == 0 and "Events     1" in said, said


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("#LOG;0", b"#LOG;0;99999999999999999999;3;1\n"),
        ("#LOG;0", b"#LOG;0;-5;3;1\n"),
        ("#LOG;0", b"#LOG;0;1;2\n"),
        ("#ID", ID.encode().rstrip() + b";\n"),
        ("#STATUS", b"#STATUS;ACTIVE;" + b"9" * 5000 + b"\n"),
        ("#COUNTERS", b"#COUNTERS;1;0;0;0;\xb2\n"),
    ],
)
def test_console_tells_of_a_malformed_answer(line, answer):
    with stranger({**RIGHT, line: answer}) as port:
        code, said = run(console, "--port", port)
        assert code == 1 and strange(port, said), said


@pytest.mark.parametrize("answer", [ID.rstrip() + ";\n", f"#ID;{FIRST.serial}\n"])
def test_verify_and_provision_tell_of_a_malformed_id(tmp_path, answer):
    batch = list_file(tmp_path)
    with stranger({**RIGHT, "#ID": answer.encode()}) as port:
        code, said = run(verify, "--port", port, "--batch", batch)
        assert code == 1 and strange(port, said), said
        code, said = run(provision, "--port", port, "--batch", batch, "--serial", FIRST.serial)
        assert code == 1 and "answers in another way" in said, said


def test_a_prompt_that_answers_in_another_way_is_told(plug_in):
    port = plug_in(machine="Two\nlines with RP2040").port
    code, said = run(verify, "--port", port)
    assert code == 1 and strange(port, said), said


BAD = "\x1b]0;bad\x07\x1b[2J"
SHOWN = r"\x1b]0"


def clean(text):
    """Check that nothing in `text` moves a terminal's cursor."""
    assert not any(ord(letter) < 32 and letter != "\n" for letter in text), repr(text)
    assert not any(127 <= ord(letter) < 160 for letter in text), repr(text)
    return text


def test_a_port_without_a_name_is_shown():
    assert ports.why_closed("").startswith("there is no port ''; present: ")
    assert ports.why_closed("ttyX").startswith("there is no port ttyX; present: ")


def test_control_characters_become_visible():
    assert readable(b"a\r\nb\r\r\nc") == "a\nb\nc"
    assert readable(b"\x1b[1m\x00\t\x7f\rx") == r"\x1b[1m\x00\x09\x7f\x0dx"
    assert readable("\x9b2J\x85") == r"\x9b2J\x85"
    assert str(RefusedError("Traceback\r\nValueError: \x1b]0;x\x07\r\n")) == (
        r"ValueError: \x1b]0;x\x07"
    )


def test_no_escape_code_of_a_unit_reaches_terminal_or_ledger(tmp_path):
    batch = list_file(tmp_path)
    answer = f"#ID;{BAD};x;1\n"  # four fields: the escape code has a semicolon
    answers = {**RIGHT, "#ID": answer.encode(), "#STATUS": b"#STATUS;\x1b[2J\x9b;5\n"}
    with stranger(answers) as port:
        for command in (console, verify):
            _, said = run(command, "--port", port)
            clean(said)
        code, said = run(provision, "--port", port, "--batch", batch, "--serial", FIRST.serial)
        assert code == 1 and SHOWN in clean(said)
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        reasons = [clean(failure[2]) for failure in ledger.failures(FIRST.serial)]
        assert reasons and SHOWN in reasons[0]


def test_the_command_that_unseals_is_told_as_it_must_be_typed():
    with stranger(RIGHT) as port:
        with pytest.raises(PortError, match="sealed") as told, Prompt(port):
            pass
    command = f"`payg token --batch FILE --serial {FIRST.serial} --extended 1`"
    assert f"is {FIRST.serial} and sealed" in str(told.value) and command in str(told.value)
    with stranger({**RIGHT, "#ID": ID.replace("0.1.0", "9.9").encode()}) as port:
        _, said = run(verify, "--port", port)
        assert command in said, said


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"rst:0xc (SW_CPU_RESET),boot:0x13\r\n", "restarts again and again.*erase the board"),
        (b"$GPGGA,1,2,3\r\n", "does not answer. Is it this port"),
    ],
)
def test_a_unit_that_restarts_for_ever_is_told(monkeypatch, text, told):
    opened = ports._open

    def as_board(port):
        """Read as from a board's port: mpremote never tires of a pseudo-terminal that talks."""
        transport = opened(port)
        transport.is_pty = False
        return transport

    monkeypatch.setattr(ports, "_open", as_board)
    host, slave = pty.openpty()
    tty.setraw(slave)
    over = threading.Event()

    def restart():
        while not over.wait(0.3):
            os.write(host, text)

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        with pytest.raises(PortError, match=told), Prompt(os.ttyname(slave)):
            pass
    finally:
        over.set()
        thread.join()
        os.close(host)
        os.close(slave)


def test_no_escape_code_from_the_prompt(plug_in):
    with Prompt(plug_in().port) as prompt:
        clean(prompt.run("print('\\x1b[2J')"))
        heard = []
        prompt.run("print('\\x1b[2J\\r')", heard.append)
        assert heard == [r"\x1b[2J"]
        with pytest.raises(RefusedError) as refused:
            prompt.run("raise ValueError('\\x1b[2J\\x9b')")
        clean(str(refused.value))
