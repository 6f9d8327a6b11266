"""Real littlefs on the flash model, its power cut at every step and at bytes inside of them.

For MicroPython. A file is replaced over and over; after each cut the file system mounts and the
file is the old one or the new one, whole.
"""

import os

import vfs

from tools.sim.chips.flash import Flash
from tools.sim.parts import PowerCut, Steps

MOUNT = "/cut"
NAME = MOUNT + "/record"
SECTORS = 8
PLACES = (0, 1, 100, 255, 256, 4000)


def body(number):
    """The file's content after write `number`."""
    return bytes([number & 255]) * (300 + number * 7 % 900)


def mount(flash):
    device = flash.device()
    vfs.mount(vfs.VfsLfs2(device, progsize=256), MOUNT)
    return device


def write(number):
    with open(NAME, "wb") as file:
        file.write(body(number))


def cut_at(flash, steps, number, nth, at):
    """Cut write `number`; return whether there was a step `nth` to cut in."""
    device = mount(flash)
    steps.arm(nth, at)
    try:
        write(number)
        was_cut = False
    except PowerCut:
        was_cut = True
    steps.arm(0)
    device.unplug()
    vfs.umount(MOUNT)
    return was_cut


def check(flash, allowed):
    """Mount and return the number of the content found."""
    device = mount(flash)
    with open(NAME, "rb") as file:
        found = file.read()
    device.unplug()
    vfs.umount(MOUNT)
    for number in allowed:
        if found == body(number):
            return number
    raise AssertionError("the file is neither old nor new")


def main():
    steps = Steps()
    flash = Flash(steps, None, SECTORS)
    vfs.VfsLfs2.mkfs(flash.device(), progsize=256)
    device = mount(flash)
    write(0)
    device.unplug()
    vfs.umount(MOUNT)
    cuts = 0
    kept = 0
    for number in range(1, 61):
        before = flash.dump()
        nth = 1
        at = PLACES[number % len(PLACES)]
        while cut_at(flash, steps, number, nth, at):
            cuts += 1
            check(flash, (kept, number))
            flash.load(before)
            nth += 1
        assert check(flash, (number,)) == number
        kept = number
    assert cuts > 100, cuts
    assert sum(flash.erases) > 60
    assert "cut" not in os.listdir("/")
    print(cuts, "cuts, nothing lost")


main()
