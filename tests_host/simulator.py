"""The headless simulator for tests: see tools/proofs/simulator.py."""

from tools.proofs.simulator import Sim, SimulatorError

__all__ = ("Sim", "SimulatorError")
