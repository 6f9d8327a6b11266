"""Fails with a heap that is full to the last byte; prints the newest entry of the event log.

MicroPython's unix port, with littlefs on a block device in RAM.
"""

import gc
import os

import vfs

from firmware.events import LENGTH, LOW_BATTERY, EventLog
from firmware.media import Files
from firmware.supervisor import Supervisor

BLOCK, BLOCKS = 4096, 8


class Ram:
    """A block device as littlefs uses one."""

    def __init__(self):
        self._data = bytearray(BLOCK * BLOCKS)

    def readblocks(self, number, buffer, offset=0):
        at = number * BLOCK + offset
        buffer[:] = memoryview(self._data)[at : at + len(buffer)]

    def writeblocks(self, number, data, offset=0):
        at = number * BLOCK + offset
        memoryview(self._data)[at : at + len(data)] = data

    def ioctl(self, command, argument):
        return {4: BLOCKS, 5: BLOCK}.get(command, 0)


class Hoarder:
    """Takes all memory, and keeps it until `kept` is cleared."""

    kept = None

    def take(self):
        """Take ever smaller pieces; raise the MemoryError of the smallest."""
        size = 8192
        while True:
            try:
                while True:
                    self.kept = (self.kept, bytearray(size))
            except MemoryError:
                if size < 8:
                    raise
                size //= 2


def main():
    vfs.VfsLfs2.mkfs(device := Ram())
    vfs.mount(vfs.VfsLfs2(device), "/flash")
    os.chdir("/flash")
    files, supervisor, hoarder = Files("state"), Supervisor(), Hoarder()
    log = EventLog(files, None)
    for number in range(LENGTH):  # a full log needs the most memory
        log.rest()
        log.add(LOW_BATTERY, number)
    log.flush()
    supervisor.failed = 3
    try:
        hoarder.take()
    except MemoryError as error:
        supervisor.note(log, error)
    hoarder.kept = None
    gc.collect()
    print(EventLog(files, None).entries()[-1][1:])


main()
