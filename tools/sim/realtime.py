"""The simulated world at the host's pace, and the control socket."""

import heapq
import json
import os
import select
import time as host_time

import vfs

from tools.sim import loop
from tools.sim.world import NEVER, World

AHEAD_US = 1_000  # longest lead of the world over the host: less is not worth a wait
BEHIND_US = 1_000_000  # longest lag of the world; more is due to the host's other work
LOOK_US = 2_000  # between looks at the socket while a program never waits
POSIX = vfs.VfsPosix()  # the host's files, which the firmware does not see


class Link:
    """The socket to tools/cable/unit.py: lines in, JSON objects out."""

    def __init__(self, number):
        self.commands = []
        self.interrupted = False
        self._file = POSIX.open(number, "r+b")
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLIN)

    def tell(self, **what):
        """Send one object."""
        self._file.write((json.dumps(what) + "\n").encode())

    def line(self):
        """Return the next line. At the end of the input, kill the unit: tools/cable/unit.py is
        gone.
        """
        line = self._file.readline()
        if not line:
            os.system("kill -9 $PPID")
        return line

    def listen(self, ms=0, streams=()):
        """Take the lines that come within `ms`; return True if any of `streams` is ready."""
        poll = self._poll
        if streams:
            poll = select.poll()
            poll.register(self._file, select.POLLIN)
            for stream, wanted in streams:
                poll.register(stream, wanted)
        ready = any([entry[0] is not self._file for entry in poll.poll(ms)])
        while self._poll.poll(0):
            line = self.line()
            if line == b"!\n":
                self.interrupted = True
            elif line == b"-\n":
                self.interrupted = False
            else:
                self.commands.append(line)
        return ready

    def stand_still(self):
        """Wait to be killed."""
        while True:
            try:
                self.line()
            except KeyboardInterrupt:
                pass


class RealWorld(World):
    """The world at the host's pace. `end(reason)`, without return, stops the MCU."""

    has_prompt = True
    GRACE = 100_000

    def __init__(self, now, link):
        super().__init__(now)
        self.end = None
        self._link = link
        self._zero = host_time.ticks_us() - now
        self._hurry_until = 0  # up to here time passes at full speed
        self._looked = 0

    @property
    def hurries(self):
        """Does time pass at full speed? The outside is not listened to then."""
        return self.now < self._hurry_until

    def hurry(self, duration):
        """Let the next `duration` (us) pass at once for the host; return the time at the end."""
        self._hurry_until = self.now + duration
        return self._hurry_until

    def stop(self, reason):
        """Stop the MCU, and this process."""
        self.end(reason)

    halt = stop

    def check(self):
        """Let the host's time pass, as the firmware does something."""
        if not self._driving:
            self._catch_up()

    def glance(self):
        """Let the host's time pass, as the firmware looks at the time."""
        if not self._driving:
            self.now += 1
            self._catch_up()

    def sleep(self, duration):
        """Let `duration` (us) pass while the firmware blocks; interrupts are served."""
        self._catch_up()
        until = self.now + duration
        while self.now < until:
            wish = NEVER if self._driving else self._wish + self.GRACE
            due = min(self._next(), wish, until)
            if not self._pause(due):
                self.now = max(self.now, due)
                if self._next() <= self.now:
                    self._fire()
                elif wish <= self.now:
                    self._drive()
            self.give_way()

    spend = sleep

    def stall(self, duration):
        """Do nothing: flash is written at the host's speed."""

    def step(self, limit=NEVER, streams=True):
        """Go to the next event, wish or limit; end early on news from socket or
        asyncio's streams.
        """
        due = min(self._next(), self._wish, limit)
        if not self._pause(due, _streams() if streams else ()):
            super().step(limit)
        self.give_way()

    def idle(self):
        """Let everything happen that became due while the prompt waited."""
        now = host_time.ticks_us() - self._zero
        while self._next() <= now:
            self._fire()
        self.now = max(self.now, now)
        self.look()

    def due(self):
        """Return the milliseconds until the next event, None if there is none."""
        due = self._next()
        return None if due == NEVER else max(due - self.now, 0) // 1_000

    def look(self):
        """Look for commands at the socket."""
        self._looked = self.now
        self._link.listen()
        self._heed()

    def give_way(self):
        """Raise a pending Ctrl-C here, never inside the simulator."""
        link = self._link
        if link.interrupted and not self._driving and not self._masks:
            link.interrupted = False
            link.tell(taken=True)
            raise KeyboardInterrupt

    def _next(self):
        heap = self._heap
        while heap and heap[0][2] is None:  # cancelled
            heapq.heappop(heap)
        return heap[0][0] if heap else NEVER

    def _wall(self):
        """Return the world's due time by the host's clock, 0 at full speed."""
        if self.now < self._hurry_until:
            return 0
        now = host_time.ticks_us() - self._zero
        behind = now - self.now - BEHIND_US
        if self._hurry_until:
            self._hurry_until = 0
            behind = now - self.now
        elif behind < 0:
            return now
        self._zero += behind
        return now - behind

    def _catch_up(self):
        """Let the time pass that has passed on the host."""
        wall = self._wall()
        if not wall:
            return
        while self._next() <= wall:
            self._fire()
        if wall > self.now:
            self.now = wall
        if self.now - self._looked > LOOK_US:
            self.look()
            self.give_way()

    def _pause(self, due, streams=()):
        """Wait until the world may go to `due`; return True if something else came first."""
        wall = self._wall()
        if not wall or due - wall <= AHEAD_US:
            return False
        ready = self._link.listen(-1 if due == NEVER else (due - wall) // 1_000, streams)
        wall = host_time.ticks_us() - self._zero
        self.now = max(self.now, min(wall, due))
        self._heed()
        return ready or due - wall > AHEAD_US

    def _heed(self):
        if self._link.commands:
            self.ask(min(self._wish, self.now))


class RealQueue(loop.Queue):
    """asyncio's tasks waiting for the interpreter's own streams."""

    def wait_io_event(self, dt):
        """Let the world run until a task is due: `dt` ms at most, for ever if negative."""
        self.world.check()
        super().wait_io_event(dt)

    def _ready(self, stream, wanted):
        if self.world.hurries:
            return 0
        poll = select.poll()
        poll.register(stream, wanted)
        found = poll.poll(0)
        return found[0][1] if found else 0


def _streams():
    """Return (stream, wanted) of all streams that asyncio waits for."""
    found = []
    for reader, writer, stream in loop.core._io_queue.map.values():
        wanted = (select.POLLIN if reader else 0) | (select.POLLOUT if writer else 0)
        found.append((stream, wanted))
    return found
