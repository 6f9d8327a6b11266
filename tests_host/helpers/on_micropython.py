"""Runs test modules, named as arguments, under MicroPython.

Calls each function of a module whose name begins with `test_`, without arguments. A failure is
printed and makes the exit status 1.
"""

import sys


def _run(name):
    module = __import__(name, None, None, ("*",))
    failed = 0
    names = sorted([test for test in dir(module) if test.startswith("test_")])
    for test in names:
        try:
            getattr(module, test)()
        except Exception as error:
            failed += 1
            print("FAILED", name, test)
            sys.print_exception(error)
    print(name, len(names), "tests,", failed, "failed")
    return failed


sys.exit(1 if sum([_run(name) for name in sys.argv[1:]]) else 0)
