"""MicroPython's asyncio, as far as the drivers use it, for CPython: on simulated time.

A coroutine yields the time (us) it wants to go on at, None to be left alone until somebody queues
its task.
"""

import heapq

_FAR = 1 << 60


class Task:
    """A coroutine and when it is due."""

    def __init__(self, coroutine):
        self.coroutine = coroutine
        self.due = None
        self.done = False


class _Queue:
    """Tasks by their time; the same instant in the order of coming."""

    def __init__(self):
        self._heap = []
        self._serial = 0

    def push(self, task, due=None):
        self._serial += 1
        task.due = core.world.now if due is None else due
        heapq.heappush(self._heap, (task.due, self._serial, task))

    def remove(self, task):
        self._heap = [entry for entry in self._heap if entry[2] is not task]
        heapq.heapify(self._heap)

    def first(self):
        return self._heap[0][0] if self._heap else _FAR

    def pop(self):
        return heapq.heappop(self._heap)[2]


class _Core:
    """The part of `asyncio.core` that firmware.wake uses."""

    def __init__(self):
        self.install(None)

    def install(self, world):
        self.world = world
        self.cur_task = None
        self._task_queue = _Queue()


core = _Core()


class _Until:
    def __init__(self, due):
        self._due = due

    def __await__(self):
        yield self._due


def sleep_ms(milliseconds):
    """Wait that long; ticks are whole milliseconds here as there."""
    return _Until((core.world.now // 1_000 + max(milliseconds, 0)) * 1_000)


class ThreadSafeFlag:
    """One task waits, an interrupt handler sets."""

    def __init__(self):
        self._set = False
        self._waiting = None

    def set(self):
        self._set = True
        if self._waiting:
            task, self._waiting = self._waiting, None
            core._task_queue.push(task)

    def clear(self):
        self._set = False

    async def wait(self):
        if not self._set:
            self._waiting = core.cur_task
            await _Until(None)
        self._set = False


def create_task(coroutine):
    """Start a coroutine beside the running ones."""
    task = Task(coroutine)
    core._task_queue.push(task)
    return task


def run(coroutine):
    """Run until the coroutine ends; what runs beside it is dropped."""
    last = create_task(coroutine)
    queue, world = core._task_queue, core.world
    while not last.done:
        while queue.first() > world.now:
            world.step(queue.first())
        task = core.cur_task = queue.pop()
        try:
            due = task.coroutine.send(None)
        except StopIteration:
            task.done = True
        else:
            if due is not None:
                queue.push(task, due)
