"""A task's sleep that can be ended early."""

import asyncio


class Wake:
    """Sleep of a single task in `wait_ms`, ended early by `set`.

    `set` without a sleeper makes the next sleep end at once. `longest`: longest sleep in
    milliseconds, shorter where tasks have to check in.
    """

    longest = 3600_000

    def __init__(self):
        self._task = None
        self._pending = False

    def set(self):
        """End the sleep. Interrupt handlers must set an `asyncio.ThreadSafeFlag` instead."""
        self._pending = True
        if self._task:
            # As in Task.cancel(), but without an exception: the task continues after the sleep.
            asyncio.core._task_queue.remove(self._task)
            asyncio.core._task_queue.push(self._task)

    async def wait_ms(self, milliseconds):
        """Sleep for at most `longest`, unless `set` was called since the last sleep ended."""
        if not self._pending:
            self._task = asyncio.core.cur_task
            try:
                await asyncio.sleep_ms(min(milliseconds, Wake.longest))
            finally:
                self._task = None
        self._pending = False
