"""The simulator runs the files that the host tests import, to the byte."""

import hashlib
import importlib.util
import json
import re
import subprocess
from pathlib import Path

import firmware
import opaygo
from tools.identity import Identity
from tools.interpreter import simulator_command
from tools.paths import ROOT
from tools.proofs.tokens.encoder import Encoder

KEY = bytes(range(16))

WATCH = """
import binascii, builtins, hashlib, io, json, sys
real = sys
compiled = {}
def watched(source, name, mode, compile=compile):
    compiled[name] = binascii.hexlify(hashlib.sha256(source.encode()).digest()).decode()
    return compile(source, name, mode)
builtins.compile = watched
from tools.sim import run
status = run.main()
modules = {n: getattr(m, "__file__", None) for n, m in real.modules.items()}
real.stderr.write(json.dumps({"compiled": compiled, "modules": modules, "status": status}))
"""


def watched_run(tmp_path):
    """Run the simulator under a watch.

    Return (answers, {path: SHA-256 of the source that ran}, {module: path}).

    In the second life of the unit each module's source is compiled where the watch sees it.
    """
    (tmp_path / "watch.py").write_text(WATCH)
    command = simulator_command(Identity("W1", KEY, 123456789), None)
    at = next(at for at, word in enumerate(command) if word.endswith("run.py"))
    command[at] = str(tmp_path / "watch.py")
    script = f"power off\npower on\nkeys {Encoder(KEY, 123456789).token(1, 2)}#\nquit\n"
    done = subprocess.run(command, input=script, capture_output=True, text=True, cwd=tmp_path)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    seen = json.loads(done.stderr)
    return answers, seen["compiled"], seen["modules"]


def test_the_simulator_runs_the_files_that_the_host_tests_import(tmp_path):
    answers, compiled, modules = watched_run(tmp_path)
    assert answers[2]["result"] == "ADD_TIME" and answers[2]["load"], "it was no dry run"
    ran = {Path(path).resolve(): digest for path, digest in compiled.items()}
    expected = {"boot": ROOT / "boot.py", "main": ROOT / "main.py"}
    for name in modules:
        if name.split(".")[0] in ("opaygo", "firmware", "board"):
            expected[name] = Path(importlib.util.find_spec(name).origin)
    assert {"opaygo", "opaygo.chain", "firmware.unit", "firmware.store", "board"} <= set(expected)
    for name, path in expected.items():
        assert ran[path] == hashlib.sha256(path.read_bytes()).hexdigest(), name


def test_host_tests_import_the_checkout():
    assert opaygo.__file__ == str(ROOT / "lib" / "opaygo" / "__init__.py")
    assert firmware.__file__ == str(ROOT / "firmware" / "__init__.py")


def test_boot_and_main_know_of_no_simulator():
    for name in ("boot.py", "main.py"):
        text = (ROOT / name).read_text()
        found = re.findall(r"(?i)simulat\w*|\bsim\b|headless|emulat\w*|pytest|tests?_\w*", text)
        assert not found, f"{name}: {found}"
        assert not re.search(
            r"sys\.(platform|implementation\b(?!\.version)|argv)|environ|uname", text
        )


def test_the_firmware_knows_of_no_simulator():
    for path in [*(ROOT / "firmware").glob("**/*.py"), *(ROOT / "lib").glob("**/*.py")]:
        text = path.read_text()
        assert not re.search(r"(?i)simulat|headless|\bunittest|\bpytest", text), path
        assert not re.search(r"(?m)^\s*(from|import)\s+(tools|tests_host|sim)\b", text), path
