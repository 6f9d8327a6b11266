"""The engine on an RP2040: its size, and its answers on an emulated Pico, a machine of 32 bits."""

import json

import pytest

from tests_host.token import vectors
from tests_host.token.vectors_job import make_job
from tools.benchmarks import pico as bench_pico
from tools.benchmarks.tokens import compiled_sizes
from tools.proofs.tokens import replay
from tools.proofs.tokens.lives import Author, difference, parse

FLASH = 8192  # bytes: what the protocol asks for
KEPT = 13  # of each kind of input


@pytest.fixture
def pico():
    """An emulated Pico, or the reason why there is none."""
    try:
        return bench_pico.make_pico()
    except bench_pico.NoPicoError as error:
        pytest.skip(str(error))


def _run(pico, script, job):
    source = bench_pico.with_arguments(script, "job.json")
    return bench_pico.run(pico, source, bench_pico.library() | {"job.json": job})


def test_the_compiled_engine_fits():
    assert sum(compiled_sizes("armv6m").values()) <= FLASH


def test_without_an_image_there_is_one_line_that_says_so(monkeypatch, capsys):
    monkeypatch.setenv("MICROPYTHON_UF2", "no such file")
    bench_pico.main()
    (line,) = capsys.readouterr().out.splitlines()
    assert "MICROPYTHON_UF2" in json.loads(line)["skipped"]


@pytest.mark.emulated
def test_the_same_input_gives_the_same_output(pico, capsys):
    job = make_job()
    job = {name: entries[-KEPT:] for name, entries in job.items()}  # what fits into its memory
    output = _run(pico, open(vectors.__file__).read(), json.dumps(job))
    vectors.main(json.loads(json.dumps(job)))
    assert output.splitlines() == capsys.readouterr().out.splitlines()


@pytest.mark.emulated
def test_a_life_is_judged_alike(pico):
    life = Author("pico").write(150)
    output = _run(pico, open(replay.__file__).read(), json.dumps(life.job) + "\n")
    assert difference(life, parse(output)) == ""
    assert output.strip() == replay.replay(life.job)
