"""The simulated unit on a cable: the firmware in real time, and MicroPython's own prompt
afterwards.

tools/cable/unit.py starts this with `micropython -i -c`, so that the prompt follows. Standard
input and output are the unit's console; a socket carries the rest. Incoming lines: the options
(JSON), then commands as in `payg sim --headless`, "!" for a Ctrl-C that interrupts, "-" to forget
the Ctrl-C. Outgoing JSON objects: up, runs, intr, ready, answer, taken, due, failed and end.

Each process is one life of the MCU. The process reports the end of the life and then waits to be
killed; all non-volatile state has been written before.
"""

import gc
import json
import os
import sys

import micropython as real_micropython
import vfs

from tools.sim import loop
from tools.sim.board import Board
from tools.sim.chips.nvs import Esp32
from tools.sim.console import Implementation
from tools.sim.keep import Keep, KeepError
from tools.sim.mcu import machine, time
from tools.sim.mcu.kinds import CHIPS
from tools.sim.options import board_data, choose, identity_of
from tools.sim.parts import ChipError
from tools.sim.realtime import POSIX, Link, RealQueue, RealWorld
from tools.sim.session import _INSTANT, POLL_US, SLOW_BOOT_US, Session
from tools.sim.words import Refused, reason

CTRL_C = 3
PROMPT = "\x1e>>> "  # the first character marks the real prompt for tools/cable/unit.py
AFTER = "\x1f"  # marks the end of all scripts for tools/cable/unit.py
ROM = "/rom"

life = None


class Micropython:
    """Stands in for the module `micropython`: a Ctrl-C that came before being
    switched off counts.
    """

    def __init__(self, world, link):
        self._world = world
        self._link = link

    def kbd_intr(self, character):
        """Switch Ctrl-C, as the port does, and report this to tools/cable/unit.py."""
        self._world.look()
        self._world.give_way()
        real_micropython.kbd_intr(character)
        self._link.tell(intr=character)

    def __getattr__(self, name):
        return getattr(real_micropython, name)


class Sys:
    """Stands in for the module `sys`, with another machine, and errors on the console."""

    def __init__(self, machine, version):
        self.stderr = sys.stdout
        self.implementation = Implementation(machine, version) if machine else sys.implementation

    def __getattr__(self, name):
        return getattr(sys, name)


class CableSession(Session):
    """A session with a unit whose console is elsewhere, possibly at the prompt."""

    def _boot(self):
        limit = self.world.now + SLOW_BOOT_US
        while self.world.now < limit and not self.firmware.at_prompt:
            unit = self.firmware.unit
            if unit is not None and not unit.busy:
                break
            yield self.world.now + POLL_US

    def _begin(self):
        self._look()
        if self.firmware.unit is not None and self.firmware.identity is not None:
            yield from super()._begin()
        self.firmware.link.tell(ready=True)

    def _look(self):
        if self.firmware.unit is not None:
            super()._look()

    def _uart(self, text):
        raise Refused("the console is at the other end of the cable: write to the port")
        yield

    def again(self, lines):
        """Restore settings made before the MCU restarted."""
        for line in lines:
            words = line.split()
            _INSTANT[words[0]](self, words[1:])


class NoConsole:
    """Stand-in for the console of a Session: the real console is elsewhere."""

    unread = 0

    def take(self):
        """Return no lines."""
        return []


class Firmware:
    """The program as seen by a session: main.py's globals, which outlive main.py."""

    failure = None
    at_prompt = False

    def __init__(self, link, options, names):
        self.link = link
        self.names = names
        self._options = options

    @property
    def unit(self):
        """The unit of main.py's `controller`; None until the unit's records are read."""
        controller = self.names.get("controller")
        return controller and controller.unit

    @property
    def identity(self):
        """The identity of the options, None without a key."""
        return identity_of(self._options)

    def is_same(self, identity):
        """Does the unit have this identity?"""
        return self.unit.identity == identity


class Life:
    """One life of the MCU.

    `names`: the prompt's globals; `options`: those of run.py, and further options from
    tools/cable/unit.py: now, powered_at: us; same: the state comes from an earlier moment of this
    world; cause: "power", "reset" or "soft"; before: the report of the last life at the end; cut:
    step in which the power fails, or 0; again: commands; raw: no main.py; bare: no firmware but
    the unit's own files; sectors: of flash.
    """

    def __init__(self, link, options, names):
        self._link = link
        world = self._world = RealWorld(options["now"], link)
        world.end = self.end
        chip = CHIPS[options["chip"]]() if options.get("chip") else None
        sys.path[:] = [options["root"], options["root"] + "/lib"] + sys.path + options["libraries"]
        sys.modules["sys"] = Sys(chip and chip.machine, options["micropython"])
        data = board_data(options.get("board"))
        self._board = Board(world, data, chip, options["sectors"])
        machine.name_board(options["board_id"])
        self._keep = Keep(options["state"], self._board, options["same"], POSIX)
        self._supply(options["cause"], options)
        self._modules()
        self._files(options, hasattr(data, "TM1637"))
        self._converse(options, names)

    def run(self, raw):
        """Run boot.py and main.py, if present; end at the prompt."""
        try:
            if self._script("boot.py") and not raw:
                self._script("main.py")
        except SystemExit:
            self.end("soft")
        except ChipError as error:
            self._tell_of(error)
            self.end("reset")
        except KeepError as error:
            self._give_up(error)
        self._firmware.at_prompt = True
        gc.collect()

    def serve(self):
        """Let due events happen: tools/cable/unit.py types this call at an idle prompt."""
        try:
            self._world.idle()
            while self._link.commands or not self._session.waiting:
                self._world.step(streams=False)
        except KeepError as error:
            self._give_up(error)
        self._link.tell(due=self._world.due())

    def end(self, reason):
        """Stop the MCU. Does not return."""
        self.last_words(reason)
        self._link.stand_still()

    def last_words(self, reason="soft"):
        """Save all, and report everything that the next life must know."""
        error = machine.take_blame()
        if error is not None and not self._firmware.at_prompt:
            self._tell_of(error)
        try:
            self._keep.save()
        except KeepError as error:
            self._give_up(error)
        watchdog = machine._State.watchdog
        self._link.tell(
            end=reason,
            now=self._world.now,
            cut=self._board.steps.left,
            cause=machine.reset_cause(),
            watchdog=watchdog.timeout // 1_000 if watchdog else 0,
        )

    # --- inside --------------------------------------------------------------------------

    def _give_up(self, error):
        """Take the power away for good: the host refuses a file. Does not return."""
        self._link.tell(failed=str(error))
        self._link.stand_still()

    def _supply(self, cause, options):
        clock = self._board.clock
        if cause == "power" and options["same"] and clock is not None:
            clock.powered = True
            clock.power_off()
        self._board.power_on()
        self._board.powered_at = options["powered_at"]
        self._board.steps.arm(options["cut"])
        if cause == "reset":
            machine.after_reset(options["before"]["end"] == "watchdog")
        elif cause == "soft":
            machine.after_soft_reset(options["before"]["cause"])
            if options["before"]["watchdog"]:
                machine.WDT(timeout=options["before"]["watchdog"])

    def _modules(self):
        sys.modules["machine"] = machine
        sys.modules["time"] = time
        sys.modules["micropython"] = Micropython(self._world, self._link)
        if self._board.nvs:
            sys.modules["esp32"] = Esp32(self._board.nvs)
        loop.install(self._world, RealQueue)

    def _files(self, options, digits):
        """Mount the unit's file system as root and the checkout, if run, as ROM."""
        device = self._board.flash.device()
        try:
            system = vfs.VfsLfs2(device, progsize=256)
        except OSError:
            vfs.VfsLfs2.mkfs(device, progsize=256)
            system = vfs.VfsLfs2(device, progsize=256)
        own = options["bare"] or any([entry[0] == "main.py" for entry in system.ilistdir("/")])
        if digits and not own:
            import tm1637  # noqa: F401 (there is no other way to it later)
        vfs.umount("/")
        vfs.mount(system, "/")
        os.chdir("/")
        self._home = "/"
        sys.path[:] = ["", ".frozen", "/lib"]
        if not own:
            vfs.mount(vfs.VfsPosix(options["root"]), ROM, readonly=True)
            sys.path[2:2] = [ROM, ROM + "/lib"]
            self._home = ROM + "/"
            choose(options.get("board"))

    def _converse(self, options, names):
        link, world = self._link, self._world
        self._firmware = Firmware(link, options, names)
        self._session = CableSession(
            self._board,
            NoConsole(),
            self._firmware,
            lambda: link.commands.pop(0),
            lambda text: link.tell(answer=json.loads(text), now=world.now),
            self._keep.save,
            lambda: len(link.commands) > 0,
        )
        self._session.again(options["again"])
        script = self._session.run()
        world.driver = lambda: world.ask(next(script))
        world.start()
        world.ask(world.now)

    def _script(self, name):
        """Run a script as a board does; return True if the next script may run."""
        try:
            with open(self._home + name) as file:
                source = file.read()
        except OSError:
            return True
        self._link.tell(runs=name)
        real_micropython.kbd_intr(CTRL_C)  # each script starts with Ctrl-C on
        try:
            exec(compile(source, name, "exec"), self._firmware.names)
        except (Exception, KeyboardInterrupt) as error:
            sys.print_exception(error)
            return False
        return True

    def _tell_of(self, error):
        sys.stderr.write("simulator: the firmware failed: the board is reset\n")
        sys.print_exception(error, sys.stderr)


def start(number, names):
    """Run a life with the socket of this number; return to the prompt with globals `names`."""
    global life
    sys.ps1 = PROMPT
    link = Link(number)
    options = json.loads(link.line())
    try:
        life = Life(link, options, names)
    except (ChipError, KeepError, Refused, OSError, ValueError) as error:
        link.tell(failed=reason(error))
        link.stand_still()
    sys.atexit(life.last_words)
    link.tell(up=True)
    life.run(options["raw"])
    sys.stdout.write(AFTER)
