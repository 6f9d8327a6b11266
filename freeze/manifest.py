"""Freezes the controller into a MicroPython image of your own: docs/vendor-image.md.

MicroPython's build runs this: `make BOARD=RPI_PICO FROZEN_MANIFEST=.../freeze/manifest.py`. Your
own manifest may include this file, with custom="DIR" where DIR/board/custom.py is your board file.
"""
# ruff: noqa: F821 - package, module and the others are given by MicroPython's manifest tool

import glob
import sys

options.defaults(custom="")
include("$(PORT_DIR)/boards/manifest.py")

# A frozen viper function must be word-aligned. Up to MicroPython 1.28 the tool aligns it to half
# words, and depending on the linker's layout an RP2040 hangs at the first token.
tool = getattr(sys.modules["__main__"], "VARS", {}).get("MPY_DIR", "") + "/tools/mpy-tool.py"
port = getattr(sys.modules["__main__"], "VARS", {}).get("PORT_DIR", "")
if port.endswith("/rp2") and "(aligned (2))" in open(tool).read():
    raise SystemExit("mpy-tool.py aligns frozen code wrongly: one line, docs/vendor-image.md")

package("firmware", base_path="..")
package("opaygo", base_path="../lib")
package("board", ("__init__.py", "pico.py", "esp32_devkit.py"), base_path="..")
if options.custom:
    package("board", ("custom.py",), base_path=options.custom)

# A third-party library for the device, installed by pip beside the command's own libraries.
libraries = glob.glob("../.venv/lib/python*/site-packages/tm1637.py")
if not libraries:
    raise SystemExit("the device library tm1637 is not installed; run `make setup` first")
module("tm1637.py", base_path=libraries[0].rpartition("/")[0])

# A frozen boot.py or main.py runs before a copy in the file system.
module("boot.py", base_path="..")
module("main.py", base_path="..")
