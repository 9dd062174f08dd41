"""Loads what all processes of a fake run need; it is imported in the process alone of which they are forks."""

import numpy as np

from repro.cli import parser, stages
from repro.workflow import engine
from tests.workflow import fake_run

__all__ = ["fake_run", "np", "parser", "stages"]
engine.load()
