"""The asyncio of MicroPython on simulated time.

Only the queue of waiting streams is replaced: `wait_io_event`, in which the real loop would sleep,
moves the world instead. Tasks queued "now" by C code carry real ticks; the simulated ticks run a
century ahead, so that these tasks are always due.
"""

import asyncio
from asyncio import core

_CENTURY = 3_155_760_000_000  # ms
_READ, _WRITE = 1, 4  # select.POLLIN, select.POLLOUT
_POLL = 3  # MP_STREAM_POLL


def install(world, queue=None):
    """Make asyncio live in `world`; `queue`: a class used instead of Queue."""
    ahead = core.ticks() + _CENTURY

    def ticks():
        return ahead + world.now // 1_000

    core.ticks = asyncio.ticks = ticks
    queue = queue or Queue
    queue.world = world
    core.IOQueue = queue
    core.new_event_loop()


class Queue:
    """Tasks waiting for streams: `map` holds id(stream) -> [reader, writer, stream]."""

    world = None

    def __init__(self):
        self.map = {}

    def queue_read(self, stream):
        """Make the current task wait until `stream` can be read."""
        self._enqueue(stream, 0)

    def queue_write(self, stream):
        """Make the current task wait until `stream` can be written."""
        self._enqueue(stream, 1)

    def remove(self, task):
        """Forget a cancelled task."""
        for key, entry in list(self.map.items()):
            if entry[0] is task or entry[1] is task:
                del self.map[key]

    def wait_io_event(self, dt):
        """Let the world run until a task is due: `dt` ms at most, for ever if negative.

        Also ends when another task than before is due first: the driver may have woken a task.
        """
        world = self.world
        if not world.running:
            world.check()
        if self.map and self._poll() or not dt:
            return
        queue = core._task_queue
        head = queue.peek()
        if dt < 0 or head is None:
            key = None
            limit = 1 << 60
        else:
            key = head.ph_key
            limit = (world.now // 1_000 + dt) * 1_000
        while world.now < limit:
            world.step(limit)
            if not world.running:
                world.check()
            if self.map and self._poll():
                return
            first = queue.peek()
            if first is not head or (first is not None and first.ph_key != key):
                return

    def _enqueue(self, stream, side):
        entry = self.map.get(id(stream))
        if entry is None:
            entry = self.map[id(stream)] = [None, None, stream]
        assert entry[side] is None
        entry[side] = core.cur_task
        core.cur_task.data = self

    def _ready(self, stream, wanted):
        """Return the directions among `wanted` that are possible at once."""
        return stream.ioctl(_POLL, wanted)

    def _poll(self):
        """Queue the tasks whose streams are ready; return True if there were any."""
        done = None
        for key, entry in self.map.items():
            reader, writer, stream = entry
            wanted = (_READ if reader else 0) | (_WRITE if writer else 0)
            ready = self._ready(stream, wanted)
            if not ready:
                continue
            if reader and ready & ~_WRITE:
                core._task_queue.push(reader)
                entry[0] = None
            if writer and ready & ~_READ:
                core._task_queue.push(writer)
                entry[1] = None
            done = done or []
            if entry[0] is None and entry[1] is None:
                done.append(key)
        if done is None:
            return False
        for key in done:
            del self.map[key]
        return True
