"""Runs the device's coroutines step by step on CPython, in every possible order.

`Modules` imports firmware afresh, with stand-ins for `asyncio`, `time` and `micropython`, and with
planted bugs if wanted. `Tasks` holds the coroutines and the time. `search` visits every state
reachable by a model, and documents a model's methods.
"""

import importlib.abc
import importlib.util
import sys
from contextlib import contextmanager
from types import ModuleType

from tools.paths import ROOT

_PACKAGES = {"firmware": ROOT / "firmware", "opaygo": ROOT / "lib" / "opaygo"}

LONG = 600_000  # ms; a task that sleeps longer waits for an event


class Task:
    """A coroutine. `due`: time of the next step (ms), None while waiting for an event."""

    def __init__(self, name, coroutine, due):
        self.name = name
        self.coroutine = coroutine
        self.due = due


class Tasks:
    """The tasks of one run, and the time. `now`: milliseconds.

    `push` and `remove` are the interface of asyncio's queue used by firmware.wake.
    """

    def __init__(self, now):
        self.now = now
        self.named = {}
        self.current = None

    def spawn(self, name, coroutine):
        """Start a task, with the first step due now."""
        self.named[name] = Task(name, coroutine, self.now)

    def ready(self):
        """Return the names of the tasks that may run now."""
        now = self.now
        return [n for n, task in self.named.items() if task.due is not None and task.due <= now]

    def due(self):
        """Return the time at which the next sleeping task wakes (ms), None if all
        wait for events.
        """
        later = [task.due for task in self.named.values() if task.due is not None]
        return min([due for due in later if due > self.now], default=None)

    def run(self, name):
        """Let a task continue to the next await. Exceptions of the task are raised here."""
        task = self.current = self.named[name]
        task.due = None
        try:
            due = task.coroutine.send(None)
        except StopIteration:
            del self.named[name]
            return
        if due is not None:
            task.due = due

    def close(self):
        """Drop all tasks."""
        for task in self.named.values():
            task.coroutine.close()

    def push(self, task):
        """Wake a task."""
        task.due = self.now

    def remove(self, task):
        """Do nothing: `push` follows."""

    def positions(self):
        """Return each task's position and remaining sleep (at most LONG), as a tuple."""
        return tuple(
            (name, task.due and self._wait(task.due), self._position(task.coroutine))
            for name, task in self.named.items()
        )

    def _wait(self, due):
        return min(max(0, due - self.now), LONG)

    def _position(self, awaited):
        found = []
        while awaited is not None:
            frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
            if frame is None:
                break
            found += frame.f_code.co_name, frame.f_lasti
            local = frame.f_locals
            if "since" in local:
                found.append(self.now - local["since"])
            if "outcome" in local:
                found.append(local["outcome"])
            awaited = getattr(awaited, "cr_await", None)
        return tuple(found)


class Modules:
    """The device's modules on `tasks` (set before each run): `modules["firmware.app"]`.

    `changes`: {module name: [(old text, new text), …]}. Raises ValueError unless each old text
    occurs exactly once.
    """

    def __init__(self, names, changes=None):
        self.tasks = Tasks(0)
        self._changes = changes or {}
        with self._in_place():
            self._modules = {name: importlib.import_module(name) for name in names}

    def __getitem__(self, name):
        return self._modules[name]

    @contextmanager
    def _in_place(self):
        """Install, for the imports only, stand-ins and this finder; hide modules
        imported earlier.
        """
        stands = {"asyncio": _asyncio(self), "time": _time(self), "micropython": _micropython()}
        hidden = [n for n in sys.modules if n.partition(".")[0] in (*_PACKAGES, *stands)]
        before = {name: sys.modules.pop(name) for name in hidden}
        sys.modules.update(stands)
        finder = _Finder(self._changes)
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)
            for name in list(sys.modules):
                if name.partition(".")[0] in (*_PACKAGES, *stands):
                    del sys.modules[name]
            sys.modules.update(before)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, changes):
        self._changes = changes

    def find_spec(self, name, path=None, target=None):
        package, *rest = name.split(".")
        if package not in _PACKAGES:
            return None
        file = _PACKAGES[package].joinpath(*rest or ["__init__"]).with_suffix(".py")
        return importlib.util.spec_from_file_location(
            name,
            file,
            loader=self,
            submodule_search_locations=None if rest else [str(file.parent)],
        )

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        spec = module.__spec__
        with open(spec.origin) as file:
            source = file.read()
        for old, new in self._changes.get(spec.name, ()):
            if source.count(old) != 1:
                raise ValueError(f"{spec.name} does not have this once: {old}")
            source = source.replace(old, new)
        exec(compile(source, spec.origin, "exec"), module.__dict__)


class _Until:
    """Awaitable that tells the scheduler the time of the next step, or None."""

    def __init__(self, due):
        self._due = due

    def __await__(self):
        yield self._due


def _asyncio(modules):
    """Return the stand-in for `asyncio`, with MicroPython's rules."""

    class Lock:
        """MicroPython's Lock: `release` hands the lock to the task that waited longest."""

        def __init__(self):
            self.state = 0  # 1: taken; a task: handed over to this task
            self.waiting = []

        def locked(self):
            return self.state == 1

        async def __aenter__(self):
            if self.state:
                self.waiting.append(modules.tasks.current)
                await _Until(None)
            self.state = 1

        async def __aexit__(self, *_exception):
            self.state = self.waiting.pop(0) if self.waiting else 0
            if self.state:
                modules.tasks.push(self.state)

    class Core:
        cur_task = property(lambda _: modules.tasks.current)
        _task_queue = property(lambda _: modules.tasks)

    module = ModuleType("asyncio")
    module.Lock, module.core = Lock, Core()
    module.sleep_ms = lambda ms: _Until(modules.tasks.now + max(ms, 0))
    module.gather = module.StreamReader = module.ThreadSafeFlag = None
    return module


def _time(modules):
    module = ModuleType("time")
    module.ticks_ms = lambda: modules.tasks.now
    module.ticks_add = lambda ticks, delta: ticks + delta
    module.ticks_diff = lambda later, earlier: later - earlier
    module.sleep_ms = module.sleep_us = None  # stepped code must not block
    return module


def _micropython():
    module = ModuleType("micropython")
    module.const = module.viper = lambda value: value
    return module


class Violation(Exception):  # noqa: N818 (found, not failed)
    """A model broke a promise; `path`: the choices that led there."""

    def __init__(self, text):
        super().__init__(text)
        self.path = ()


class Found:
    """Result of a search. `states`, `runs`: numbers; `violation`: a Violation or None."""

    def __init__(self):
        self.states = self.runs = 0
        self.violation = None


def search(make, most=1_000_000):
    """Visit all states of the models made by `make()`; return a Found.

    A model has `choices()`, a list of words, empty at the end; `do(choice)`; `check()`, called
    after each new choice; `key()`, hashable, equal for two models with the same future behaviour;
    `finish()`, called at an end; `close()`. `do`, `check` and `finish` raise Violation, and the
    search ends. Raises RuntimeError if `most` states are not enough.
    """
    found, seen, todo = Found(), set(), [[]]
    while todo:
        path = todo.pop()
        found.runs += 1
        model = make()
        try:
            _follow(model, path, seen, todo)
        except Violation as violation:
            violation.path = tuple(path)
            found.violation = violation
        finally:
            model.close()
        found.states = len(seen)
        if found.violation:
            break
        if found.states > most:
            raise RuntimeError(f"more than {most} states")
    return found


def _follow(model, path, seen, todo):
    """Follow `path`, then always take the first choice; append the other choices to `todo`."""
    for choice in path:
        model.do(choice)
    while True:
        model.check()
        key = model.key()
        if key in seen:
            return
        seen.add(key)
        choices = model.choices()
        if not choices:
            model.finish()
            return
        todo.extend(path + [choice] for choice in choices[1:])
        path.append(choices[0])
        model.do(choices[0])
