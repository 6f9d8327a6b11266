"""The unit's own reports to the event log."""

import pytest

from firmware import events
from firmware.events import EventLog
from firmware.load import LoadSwitch
from firmware.store import Identity, Store, StoreError
from firmware.unit import Unit


class Media:
    """Records in RAM; a worn one takes nothing. Serves as the event log's files, too."""

    small = False

    def __init__(self):
        self.records, self.worn = {}, False

    def read(self, name, slot):
        return self.records.get((name, slot))

    def write(self, name, slot, data):
        if self.worn:
            raise OSError(5)
        self.records[name, slot] = bytes(data)


def make(media):
    unit = Unit(Store([media]), None, LoadSwitch(lambda level: None), EventLog(Media(), None))
    unit.start()
    return unit


def told(unit):
    return [event for _, event, _ in unit.log.entries()]


def test_provisioning_and_refused_writes_are_reported_once_an_hour():
    media = Media()
    unit = make(media)
    unit.provision(Identity("R1", bytes(16), 123456789))
    assert told(unit) == [events.PROVISIONED]
    media.worn = True
    for _ in range(3):
        unit.beat()
    assert told(unit) == [events.PROVISIONED, events.STORE_FAILED]
    assert unit.problem == "memory"


def test_an_identity_that_was_not_stored_is_not_reported():
    media = Media()
    media.worn = True
    unit = make(media)
    with pytest.raises(StoreError):
        unit.provision(Identity("R1", bytes(16), 123456789))
    assert told(unit) == []
