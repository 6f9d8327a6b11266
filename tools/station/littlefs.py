"""Makes the file system of a Pico's flash, with MicroPython's own littlefs."""

import subprocess
import tempfile
from pathlib import Path

from tools.interpreter import find_micropython
from tools.room import FILE_SYSTEMS

SECTORS = FILE_SYSTEMS["rp2040"]  # of 4096 bytes
WRITER = """
import os, sys, vfs
_, image, tree, sectors = sys.argv
class Flash:
    def __init__(self, data):
        self.data = data
    def readblocks(self, number, buffer, offset=0):
        at = number * 4096 + offset
        buffer[:] = self.data[at : at + len(buffer)]
    def writeblocks(self, number, buffer, offset=None):
        at = number * 4096 + (offset or 0)
        self.data[at : at + len(buffer)] = buffer
    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self.data) // 4096
        if operation == 5:
            return 4096
        if operation == 6:
            at = argument * 4096
            self.data[at : at + 4096] = b"\\xff" * 4096
            return 0
        return 0
def copy(source, place):
    for name, kind, *_ in os.ilistdir(source):
        if kind & 0x4000:
            try:
                os.mkdir(place + "/" + name)
            except OSError:
                pass
            copy(source + "/" + name, place + "/" + name)
        else:
            with open(source + "/" + name, "rb") as file:
                data = file.read()
            with open(place + "/" + name, "wb") as file:
                file.write(data)
try:
    with open(image, "rb") as file:
        flash = Flash(bytearray(file.read()))
except OSError:
    flash = Flash(bytearray(b"\\xff" * 4096 * int(sectors)))
    vfs.VfsLfs2.mkfs(flash, progsize=256)
system = vfs.VfsLfs2(flash, progsize=256)
vfs.mount(system, "/board")
before = os.statvfs("/board")[3]
copy(tree, "/board")
print(before - os.statvfs("/board")[3])
vfs.umount("/board")
with open(image, "wb") as file:
    file.write(flash.data)
"""


def add_tree(tree: str | Path, system: bytes | None = None) -> tuple[bytes, int]:
    """Write the files of directory `tree` into a file system; return (its bytes, sectors used up).

    `system`: bytes of a file system to add to, or None for an empty one of SECTORS sectors.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder, "system"), Path(folder, "write.py")
        script.write_text(WRITER)
        if system is not None:
            path.write_bytes(system)
        command = [find_micropython(), "-X", "heapsize=32m", str(script)]
        done = subprocess.run(
            [*command, str(path), str(Path(tree).absolute()), str(SECTORS)],
            capture_output=True,
            check=True,
            text=True,
        )
        return path.read_bytes(), int(done.stdout)
