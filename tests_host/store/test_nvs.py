"""The model of ESP32's NVS refuses what its documentation says is refused."""

from tests_host.sim.support import refuses
from tools.sim.chips.nvs import (
    KEY_TOO_LONG,
    LONGEST_BLOB,
    NOT_ENOUGH_SPACE,
    NOT_FOUND,
    NVS,
    Partition,
)
from tools.sim.parts import PowerCut, Steps


def test_names_have_at_most_fifteen_characters():
    partition = Partition(Steps())
    refuses(OSError, NVS, partition, "a-very-long-name")
    nvs = NVS(partition, "fifteen-letters")
    nvs.set_blob("fifteen.letters", b"1")
    assert refuses(OSError, nvs.set_blob, "sixteen..letters", b"1").args == KEY_TOO_LONG


def test_a_key_that_is_not_there_and_a_small_buffer():
    nvs = NVS(Partition(Steps()), "payg")
    assert refuses(OSError, nvs.get_blob, "none", bytearray(4)).args == NOT_FOUND
    nvs.set_blob("five", b"12345")
    refuses(OSError, nvs.get_blob, "five", bytearray(4))
    buffer = bytearray(8)
    assert nvs.get_blob("five", buffer) == 5
    assert buffer == b"12345\0\0\0"


def test_blobs_have_a_limit_and_so_has_the_partition():
    nvs = NVS(Partition(Steps()), "payg")
    refuses(OSError, nvs.set_blob, "big", bytes(LONGEST_BLOB + 1))
    for number in range(6):
        nvs.set_blob("%d" % number, bytes(2500))
        nvs.commit()
    error = refuses(OSError, nvs.set_blob, "more", bytes(2500))
    assert error.args == NOT_ENOUGH_SPACE


def test_nothing_is_kept_without_commit_unless_it_went_early():
    for eager in (False, True):
        partition = Partition(Steps())
        partition.eager = eager
        NVS(partition, "payg").set_blob("key", b"value")
        kept = ("payg", "key") in partition.stored
        assert kept == eager


def test_a_cut_in_a_commit():
    for at in (0, 1):
        steps = Steps()
        partition = Partition(steps)
        partition.eager = False
        nvs = NVS(partition, "payg")
        nvs.set_blob("key", b"value")
        steps.arm(1, at)
        refuses(PowerCut, nvs.commit)
        assert len(partition.stored) == at


def test_erasing_a_key():
    for eager in (False, True):
        partition = Partition(Steps())
        partition.eager = eager
        nvs = NVS(partition, "payg")
        nvs.set_blob("key", b"value")
        nvs.commit()
        nvs.erase_key("key")
        assert (("payg", "key") in partition.stored) != eager
        assert refuses(OSError, nvs.get_blob, "key", bytearray(8)).args == NOT_FOUND
        assert refuses(OSError, nvs.erase_key, "key").args == NOT_FOUND
        nvs.commit()
        assert not partition.stored
        nvs.set_blob("key", b"again")
        nvs.commit()
        assert partition.stored == {("payg", "key"): b"again"}
