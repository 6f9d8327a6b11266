"""A task's sleep that can be cut short."""

import asyncio


class Wake:
    """One task sleeps in `wait_ms`.

    `set` ends that sleep early, or makes the next one end at once.
    """

    longest = 3600_000  # milliseconds; shorter where tasks have to check in more often

    def __init__(self):
        self._task = None
        self._pending = False

    def set(self):
        """End the sleep. Not for interrupt handlers: those set an `asyncio.ThreadSafeFlag`."""
        self._pending = True
        if self._task:
            # As Task.cancel() does, but nothing is thrown: the task goes on after its sleep.
            asyncio.core._task_queue.remove(self._task)
            asyncio.core._task_queue.push(self._task)

    async def wait_ms(self, milliseconds):
        """Sleep, no more than `longest`, unless `set` was called since the last sleep ended."""
        if not self._pending:
            self._task = asyncio.core.cur_task
            try:
                await asyncio.sleep_ms(min(milliseconds, Wake.longest))
            finally:
                self._task = None
        self._pending = False
