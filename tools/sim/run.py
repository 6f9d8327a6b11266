"""Runs the firmware of a checkout on a simulated board, under MicroPython's unix port.

    KEY=…32 hex digits… micropython -m tools.sim.run '{"serial": "A1", "key": "$KEY", "root": "…"}'

Options, all in one JSON object, possibly split into several arguments: serial, key (or
"$" and the name of an environment variable, as other users see arguments), starting_code, count,
time_divider, restricted, language, state (a directory, or null), root (the checkout whose boot.py
and main.py run; by default the checkout of this file), chip ("rp2040" or "esp32": the firmware
finds the board of this chip, by default the simulator's own board), board (a file in board/ used
as board/custom.py), libraries (directories with the firmware's other imports).

Commands come on standard input, as documented by `payg sim --headless`. A few more are for panels
and tests: `run MILLISECONDS` lets time pass; `press KEY` and `release KEY` move one switch for
good; `bounce MILLISECONDS` makes all contacts chatter for this time; `levels` answers with the
changes of lamps and buzzer since the last call: {"ms": …, "on": {name: bool}, "changes": [[ms,
name, bool], …]}.
"""

import builtins
import gc
import json
import os
import sys

import vfs

from tools.sim import loop
from tools.sim.board import Board
from tools.sim.chips.nvs import Esp32
from tools.sim.console import Console, Sys
from tools.sim.keep import HostError, Keep, KeepError
from tools.sim.mcu import machine, pins, time
from tools.sim.mcu.kinds import CHIPS
from tools.sim.options import board_data, choose, identity_of
from tools.sim.parts import ChipError, PowerCut
from tools.sim.session import Session
from tools.sim.words import reason
from tools.sim.world import Halt, World

EPIPE = 32
MOUNT = "/flash"
QUICK_US = 1_000_000  # a shorter run counts towards giving up
QUICK_STARTS = 5

_print = print


def _absolute(path):
    return path if path.startswith("/") else os.getcwd() + "/" + path


CHECKOUT = _absolute(__file__).rsplit("/", 3)[0]


class OutputError(BaseException):
    """Standard output takes no more."""

    def __init__(self, error):
        super().__init__("standard output: %s" % reason(error))
        self.closed = error.errno == EPIPE


def _send(text):
    try:
        sys.stdout.write(text + "\n")
    except OSError as error:
        raise OutputError(error) from None


class Library:
    """The firmware's modules: loaded afresh in each life of the MCU, compiled once.

    A module imported in an earlier life is not read again: the module object is emptied, and the
    code runs in the same object again at the firmware's import.
    """

    def __init__(self, root):
        self._root = root
        self._code = {}  # path -> code
        self._known = {}  # name -> module that an earlier life imported
        self._kept = set(sys.modules)
        self._import = builtins.__import__
        builtins.__import__ = self._hook

    def unload(self):
        """Forget all modules but the simulator's own."""
        for name in list(sys.modules):
            if name not in self._kept:
                module = sys.modules.pop(name)
                path = getattr(module, "__file__", "")
                if path.startswith(self._root) and path.endswith(".py"):
                    self._known[name] = module

    def compiled(self, path):
        """Return the code of a source file."""
        if path not in self._code:
            with open(path) as file:
                self._code[path] = compile(file.read(), path, "exec")
        return self._code[path]

    def _hook(self, name, names=None, local=None, wanted=(), level=0):
        full = name
        if level:
            package = names["__name__"].split(".")
            drop = level - 1 if "__path__" in names else level
            package = package[: len(package) - drop]
            full = ".".join(package + [name] if name else package)
        at = 0
        while at >= 0:
            at = full.find(".", at + 1)
            part = full if at < 0 else full[:at]
            if part not in sys.modules and part in self._known:
                self._revive(part)
        return self._import(name, names, local, wanted, level)

    def _revive(self, name):
        module = self._known[name]
        content = module.__dict__
        kept = [
            (key, content[key]) for key in ("__name__", "__file__", "__path__") if key in content
        ]
        content.clear()
        content.update(kept)
        sys.modules[name] = module
        try:
            exec(self.compiled(module.__file__), content)
        except BaseException:
            sys.modules.pop(name)
            raise
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)


class Opened:
    """The files opened by the firmware; files left open at a cut are kept for ever.

    Otherwise the garbage collector would close such a file in a flash of another life: without
    memory to work with, and with a message on standard output.
    """

    MOST = 8  # files open at once

    def __init__(self):
        self._files = []
        self._left = []
        self._open = open
        builtins.open = self._hook

    def abandon(self):
        """Keep the files left open by the stopped MCU."""
        for file in self._files:
            try:
                file.tell()
            except (OSError, ValueError):
                continue  # closed
            self._left.append(file)
        self._files = []

    def _hook(self, *arguments, **options):
        file = self._open(*arguments, **options)
        self._files.append(file)
        if len(self._files) > self.MOST:
            self._files.pop(0)
        return file


class Firmware:
    """Starts and runs the MCU's program, and represents the program to the session."""

    def __init__(self, root, board, console, options):
        self.failure = None
        self.board = board
        self._root = root
        self._console = console
        self._options = options
        self._globals = {}
        self._device = None
        self._library = Library(root)
        self._quick = 0
        self._opened = Opened()

    @property
    def unit(self):
        """The unit of main.py's `controller`, None while main.py does not run."""
        controller = self._globals.get("controller") if self.board.world.running else None
        return controller and controller.unit

    @property
    def identity(self):
        """The identity of the options, None without a key."""
        return identity_of(self._options)

    def is_same(self, identity):
        """Does the unit have this identity?"""
        return self.unit.identity == identity

    def run(self):
        """Run one life of the MCU, from reset to the end."""
        world = self.board.world
        world.start()
        started = world.now
        try:
            self._life()
        except Halt as halt:
            if halt.reason in ("power", "quit"):
                return
            self._after(halt.reason)
        except PowerCut:
            return
        except SystemExit:
            machine.after_soft_reset()
        except (Exception, ChipError) as error:
            self._tell(error)
            self._after("reset")
        else:
            self._say("main.py ended: the board is reset")
            self._after("reset")
        finally:
            self._unmount()
        self._count(started)

    def _after(self, reason):
        self.board.world.stop(reason)
        error = machine.take_blame()
        if reason == "watchdog":
            self._say("the watchdog bit: the board is reset")
        elif error is not None:
            self._tell(error)
        machine.after_reset()

    def _count(self, started):
        """Give up on firmware that does not stay up."""
        world = self.board.world
        self._quick = self._quick + 1 if world.now - started < QUICK_US else 0
        world.stop("reset")
        if self._quick > QUICK_STARTS:
            self._quick = 0
            self.failure = (
                "the firmware ended %d times without staying up a second; "
                "standard error says why. power off and on tries again" % (QUICK_STARTS + 1)
            )

    def _life(self):
        self._forget()
        self._mount()
        self._globals = {"__name__": "__main__"}
        for name in ("boot.py", "main.py"):
            exec(self._library.compiled(self._root + "/" + name), self._globals)

    def _forget(self):
        """Empty the RAM as a reset does: no module of the firmware is loaded."""
        self._globals = {}
        self._console.reset()
        self._library.unload()
        choose(self._options.get("board"))
        loop.install(self.board.world)

    def _mount(self):
        """Mount the file system or make a new one, like the port's own start script."""
        device = self._device = self.board.flash.device()
        try:
            system = vfs.VfsLfs2(device, progsize=256)
        except OSError:
            vfs.VfsLfs2.mkfs(device, progsize=256)
            system = vfs.VfsLfs2(device, progsize=256)
        vfs.mount(system, MOUNT)
        os.chdir(MOUNT)

    def _unmount(self):
        if self._device is None:
            return
        self._opened.abandon()
        self._device.unplug()
        os.chdir("/")
        try:
            vfs.umount(MOUNT)
        except OSError:
            pass  # this life ended before mounting

    def _tell(self, error):
        self._say("the firmware failed: the board is reset")
        sys.print_exception(error, sys.stderr)

    def _say(self, text):
        sys.stderr.write("simulator: %s\n" % text)


def _print_to(console):
    """Return a `print` that writes to the console."""

    def simulated_print(*values, **options):
        options.setdefault("file", console.stdout)
        _print(*values, **options)

    return simulated_print


def _input_from(console):
    """Return an `input` that reads the console: the process's own input carries commands."""

    def simulated_input(prompt=""):
        console.stdout.write(prompt)
        return console.stdin.readline().rstrip("\r\n")

    return simulated_input


def main():
    """Run one simulator; return the exit status."""
    options = json.loads("".join(sys.argv[1:]) or "{}")
    key = options.get("key")
    if key and key.startswith("$"):
        options["key"] = os.getenv(key[1:])
    root = _absolute(options.get("root") or CHECKOUT)
    state = options.get("state")
    sys.path[:] = [root, root + "/lib", CHECKOUT, ".frozen"]
    sys.path.extend(options.get("libraries", ()))
    chip = CHIPS[options["chip"]]() if options.get("chip") else None
    world = World()
    console = Console(world)
    sys.modules["sys"] = Sys(console, chip and chip.machine)
    try:
        board = Board(world, board_data(options.get("board")), chip)
    except (ChipError, ValueError) as error:
        _send(json.dumps({"error": "the board cannot be wired: %s" % error}))
        return 2
    for line in pins.warnings():
        sys.stderr.write("simulator: warning: %s\n" % line)
    try:
        keep = Keep(_absolute(state), board) if state else None
    except KeepError as error:
        _send(json.dumps({"error": "the state cannot be used: %s" % error}))
        return 1 if isinstance(error, HostError) else 2
    builtins.print = _print_to(console)
    builtins.input = _input_from(console)
    source = sys.stdin.buffer
    sys.modules["machine"] = machine
    if board.nvs:
        sys.modules["esp32"] = Esp32(board.nvs)
    sys.modules["time"] = time
    firmware = Firmware(root, board, console, options)
    session = Session(
        board,
        console,
        firmware,
        source.readline,
        _send,
        keep.save if keep else lambda: None,
    )
    _serve(session, firmware)
    return session.status


def _serve(session, firmware):
    """Let the world run until the session is over."""
    board = session.board
    world = board.world
    script = session.run()
    failures = []

    def drive():
        try:
            world.ask(next(script))
        except StopIteration:
            world.stop("quit")
        except (KeepError, OutputError) as error:
            failures.append(error)
            world.stop("quit")
        except Exception as error:
            world.stop("quit")
            _end(session, error)

    world.driver = drive
    world.ask(world.now)
    board.power_on()
    while not session.done and not failures:
        try:
            if board.power and firmware.failure is None:
                firmware.run()
            else:
                world.step()
        except KeepError as error:
            failures.append(error)
    if failures and isinstance(failures[0], KeepError):
        session.fail(str(failures[0]))
    elif failures:
        raise failures[0]


def _end(session, error):
    """End after an exception in the session: the simulator has a fault."""
    sys.print_exception(error, sys.stderr)
    session.fail("the simulator itself failed: standard error says where")


if __name__ == "__main__":
    gc.collect()
    try:
        status = main()
    except OutputError as error:
        status = 0 if error.closed else 1
        if not error.closed:
            sys.stderr.write("simulator: %s\n" % error)
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
