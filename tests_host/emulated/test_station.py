"""The station's commands, by way of mpremote, on the emulated USB."""

import pytest

from tests_host.emulated.conftest import CREDIT
from tools.batches.lists import ListedUnit
from tools.emulator.port import Port
from tools.identity import PUBLISHED_CODE as STARTING_CODE
from tools.identity import PUBLISHED_KEY as KEY
from tools.proofs.emulated import IDENTITY, SECOND, add
from tools.seconds import DAY
from tools.station import prompt as ports
from tools.station import selftest as factory
from tools.station.deploy import deploy, look, wanted
from tools.station.littlefs import add_tree
from tools.station.selftest import Job, provision

pytestmark = pytest.mark.emulated

LISTED = ListedUnit(IDENTITY.serial, STARTING_CODE, KEY, 1, 1, False, "", "", None)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """An emulated unit may be slower than a real one."""
    monkeypatch.setattr(ports, "QUIET", 60)
    monkeypatch.setattr(factory, "KNOCK", 20)
    monkeypatch.setattr(factory, "BACK", 300)
    monkeypatch.setattr(ports, "BACK", 300)


@pytest.fixture
def bare(tmp_path):
    """A file system as MicroPython makes it at its first start."""
    return add_tree(tmp_path)[0]


def deploy_and_provision(rig, tree):
    """Take a unit with nothing but MicroPython to where it is sold."""
    place, manifest = tree
    with Port(rig) as port:
        with ports.Prompt(port.path) as prompt:
            deploy(prompt, place, manifest, lambda line: None)
            assert look(prompt) == wanted(manifest)
    rig.board.power_off()
    rig.board.power_on()
    rig.until(lambda: rig.board.glass() == "nOnE")
    steps = []
    with Port(rig) as port:
        job = Job(LISTED, robot=port.press)
        assert provision(port.path, job, lambda step, text, passing=False: steps.append(step))
    rig.wait(SECOND)  # a pause ends what the station typed last
    assert set(factory.SelfTestJudge.STEPS) < set(steps) and steps[-1] == "sealed"


def test_from_bare_to_sealed(launch, bare, tree):
    rig = launch(bare)
    deploy_and_provision(rig, tree)
    assert rig.ask("#ID")[:3] == [IDENTITY.serial, factory.key_check(KEY), "1"]
    rig.console.feed(b"\x03\x03\x01")
    rig.wait(SECOND)
    assert b"raw REPL" not in rig.heard
    answer = rig.keys(add(1, 2))
    assert (answer["result"], answer["load"]) == ("ADD_TIME", True)


def test_what_was_paid_survives_the_loss_of_the_file_system(launch, credited, bare, tree):
    rig = launch((bare, *credited[1:]))
    deploy_and_provision(rig, tree)
    rig.until(lambda: rig.board.load)
    found = rig.do("status")
    assert found["count"] == 2
    assert 0 <= CREDIT * DAY - found["seconds_left"] < 2 * DAY
    assert rig.keys(add(CREDIT, 2))["result"] == "ALREADY_USED"
