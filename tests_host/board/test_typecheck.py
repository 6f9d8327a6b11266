"""The type check against the ports' stubs: clean, and it sees what it is there to see."""

import pytest

from tools.dev.typecheck import STUBS, check, check_tools, install

SAMPLE = """\
from machine import Pin

pin = Pin(4, Pin.OUT)
pin.vlaue(1)
"""
OF_ONE_PORT = """\
from rp2 import StateMachine

machine = StateMachine(0)
"""


UNTYPED = """\
def twice(number):
    return 2 * number
"""


@pytest.fixture(scope="module", params=STUBS)
def port(request):
    install(request.param)
    return request.param


def test_the_firmware_is_clean(port):
    assert check(port) == []


def test_a_misspelt_method_is_found(port, tmp_path):
    (tmp_path / "sample.py").write_text(SAMPLE)
    (complaint,) = check(port, tmp_path, ("sample.py",))
    assert "vlaue" in complaint and complaint.startswith("sample.py:4:")


def test_what_a_port_does_not_have_is_found(port, tmp_path):
    (tmp_path / "sample.py").write_text(OF_ONE_PORT)
    assert bool(check(port, tmp_path, ("sample.py",))) == (port == "esp32")


def test_the_tools_are_clean():
    assert check_tools() == []


def test_a_function_without_types_is_found_in_the_tools(tmp_path):
    (tmp_path / "sample.py").write_text(UNTYPED)
    (complaint,) = check_tools(tmp_path, ("sample.py",))
    assert complaint.startswith("sample.py:1:") and "[no-untyped-def]" in complaint
