"""Media against chip models on `machine.I2C`, and what is taken over from ESP32's NVS."""

from firmware import media
from firmware.clock import DS1307
from firmware.nvs import take_over
from tests_host.sim.support import refuses
from tests_host.store.chip_on_bus import ChipOnBus
from tools.sim.chips.at24c32 import At24c32
from tools.sim.chips.ds1307 import Ds1307
from tools.sim.chips.nvs import NVS, Partition
from tools.sim.parts import PowerCut, Steps

LONG = bytes([n * 7 & 255 for n in range(700)])
HEAD = b"PG\x02\x01" + bytes([(700 - 22) & 255, (700 - 22) >> 8])
RECORD = HEAD + LONG[6:]


def eeprom():
    wired = ChipOnBus(lambda clock, steps: At24c32(clock, steps))
    media.sleep_ms = lambda ms: wired.pass_us(ms * 1000)
    return media.Eeprom(wired.bus, 0x57, 32), wired


def test_eeprom_keeps_each_slot():
    medium, _ = eeprom()
    for slot in (0, 1):
        medium.write("full", slot, RECORD[: 650 + slot])
        medium.write("beat", slot, RECORD[: 60 + slot])
    for slot in (0, 1):
        assert medium.read("full", slot)[: 650 + slot] == RECORD[: 650 + slot]


def test_eeprom_writes_only_pages_that_change():
    medium, wired = eeprom()
    medium.write("full", 0, RECORD)
    assert wired.steps.done == 22
    medium.write("full", 0, RECORD)
    assert wired.steps.done == 22
    medium.write("full", 0, RECORD[:100] + b"\x00" + RECORD[101:])
    assert wired.steps.done == 23


def test_eeprom_does_not_trust_what_a_failed_write_left():
    medium, wired = eeprom()
    medium.write("full", 0, RECORD)
    write = wired.bus.writeto_mem

    def fail(*arguments, **options):
        write(*arguments, **options)
        raise OSError(5)

    wired.bus.writeto_mem = fail
    refuses(OSError, medium.write, "full", 0, HEAD + bytes(694))
    wired.bus.writeto_mem = write
    medium.write("full", 0, RECORD)
    assert medium.read("full", 0) == RECORD


def test_eeprom_waits_for_a_slow_write_cycle():
    medium, wired = eeprom()
    wired.chip.write_us = 10_000
    medium.write("full", 1, RECORD)
    assert medium.read("full", 1) == RECORD


def test_blank_eeprom_has_no_record():
    medium, _ = eeprom()
    assert medium.read("full", 0) is None


def test_a_record_that_does_not_fit_is_refused():
    medium, wired = eeprom()
    refuses(OSError, medium.write, "beat", 0, RECORD)
    assert not wired.steps.done


def test_a_missing_eeprom_is_an_oserror_and_soon():
    medium, wired = eeprom()
    wired.unplug()
    start = wired.world.now
    refuses(OSError, medium.read, "full", 0)
    refuses(OSError, medium.write, "full", 0, RECORD)
    assert wired.world.now - start < 100_000


def test_a_stuck_bus_is_waited_for_once():
    medium, wired = eeprom()
    wired.wires.stuck = True
    start = wired.world.now
    refuses(OSError, medium.read, "full", 0)
    assert wired.world.now - start < 60_000


def test_nvram_slots_and_time_keep_clear_of_each_other():
    wired = ChipOnBus(lambda clock, _steps: Ds1307(clock))
    wired.chip.power_on()
    medium, clock = media.Nvram(wired.bus), DS1307(wired.bus)
    clock.set(200_000_000)
    medium.write("brief", 0, LONG[:26])
    medium.write("brief", 1, LONG[26:52])
    assert medium.read("brief", 0) == LONG[:26]
    assert medium.read("brief", 1) == LONG[26:52]
    assert clock.read() == 200_000_000
    wired.unplug()
    refuses(OSError, medium.read, "brief", 0)
    refuses(OSError, medium.write, "brief", 0, LONG[:26])


class Folder(dict):
    """Stands in for `media.Files` in `take_over`; the power can fail in each write.

    Littlefs keeps the old contents until a file is closed: a write is done or not done.
    """

    def __init__(self, steps):
        super().__init__()
        self._steps = steps

    def read(self, name, slot):
        return self.get((name, slot))

    def write(self, name, slot, data):
        torn = self._steps.take(1)
        if torn:
            self[(name, slot)] = data
        if torn >= 0:
            self._steps.cut()


def kept(names):
    """Return the records of the version before in NVS, and the partition with them."""
    records = {(name, slot): b"%s %d" % (name.encode(), slot) for name in names for slot in (0, 1)}
    partition = Partition(Steps())
    partition.stored = {("payg", "%s.%d" % key): data for key, data in records.items()}
    return records, partition


def test_records_in_nvs_are_taken_over_once():
    records, partition = kept(("identity", "full", "beat"))
    partition.stored[("other", "full.0")] = b"not ours"
    files = Folder(partition.steps)
    take_over(NVS(partition, "payg"), files)
    assert files == records
    assert partition.stored == {("other", "full.0"): b"not ours"}
    take_over(NVS(partition, "payg"), files)
    assert files == records


def test_a_record_that_the_unit_never_wrote_is_not_missed():
    records, partition = kept(("identity", "full", "beat"))
    for name in ("beat.1", "identity.0"):
        del partition.stored[("payg", name)], records[(name[:-2], int(name[-1]))]
    files = Folder(partition.steps)
    take_over(NVS(partition, "payg"), files)
    assert files == records and not partition.stored


def test_a_blank_unit_has_nothing_to_take_over():
    for names in ((), ("full", "beat")):
        records, partition = kept(names)
        files = Folder(partition.steps)
        take_over(NVS(partition, "payg"), files)
        assert not files and len(partition.stored) == len(records)


def test_what_is_left_in_nvs_of_a_unit_that_has_an_identity_is_only_erased():
    _, partition = kept(("identity", "full", "beat"))
    files = Folder(partition.steps)
    files[("identity", 1)] = b"newer"
    take_over(NVS(partition, "payg"), files)
    assert files == {("identity", 1): b"newer"} and not partition.stored


def test_nvs_that_cannot_be_read_is_not_blank():
    _, partition = kept(("identity", "full", "beat"))
    nvs, files = NVS(partition, "payg"), Folder(partition.steps)

    def refuse(*_arguments):
        raise OSError(-0x1104, "ESP_ERR_NVS_INVALID_STATE")

    nvs.get_blob = refuse
    refuses(OSError, take_over, nvs, files)
    assert not files and len(partition.stored) == 6


def test_files_that_refuse_leave_nvs_as_it_is():
    for refused in range(6):
        records, partition = kept(("identity", "full", "beat"))
        files = Folder(partition.steps)
        write = files.write

        def refuse(*record, files=files, write=write, refused=refused):
            if len(files) == refused:
                raise OSError(28)
            write(*record)

        files.write = refuse
        refuses(OSError, take_over, NVS(partition, "payg"), files)
        assert len(partition.stored) == 6
        files.write = write
        take_over(NVS(partition, "payg"), files)
        assert files == records or refused == 5  # one copy of the identity is enough
        assert not partition.stored


def _cut(records, eager, step, at, again):
    """Cut in a step of taking over, then in one of the next start, then let it end."""
    _, partition = kept(("identity", "full", "beat"))
    partition.eager = eager
    files = Folder(partition.steps)
    for nth in (step, again):
        partition.steps.arm(nth, at)
        try:
            take_over(NVS(partition, "payg"), files)
        except PowerCut:
            pass
        partition.steps.arm(0)
        in_nvs = {(key[:-2], int(key[-1])): data for (_, key), data in partition.stored.items()}
        for key, data in list(files.items()) + list(in_nvs.items()):
            assert data == records[key]
        if ("identity", 0) in files:  # it goes first of its kind and last of all
            assert not [key for key in records if key not in files and key != ("identity", 1)]
        else:
            assert in_nvs == records
    take_over(NVS(partition, "payg"), files)
    assert len(files) >= 5 and ("identity", 0) in files and not partition.stored


def test_power_cuts_at_every_step_of_taking_over_and_again_at_every_step_of_the_next_start():
    records, _ = kept(("identity", "full", "beat"))
    cuts = 0
    for eager in (False, True):
        for step in range(1, 19):  # 6 writes, 6 erases with a commit each
            for at in (0, 1):
                for again in range(19):
                    _cut(records, eager, step, at, again)
                    cuts += 1
    assert cuts == 2 * 18 * 2 * 19
