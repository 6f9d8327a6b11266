"""Run test modules a second time, on MicroPython."""

import subprocess

from tools.proofs.interpreters import module_command


def passes_on_micropython(module):
    """Assert that all tests of a module pass on MicroPython, and that there are some."""
    command = module_command("micropython", "tests_host.helpers.on_micropython", module)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and " 0 failed" in done.stdout, done.stdout + done.stderr
    assert " 0 tests" not in done.stdout, done.stdout
