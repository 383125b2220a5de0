"""For the tests of every folder: what one of them starts does not outlive the run."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "e2e"))

import programs  # noqa: E402

# No balancer has to notice first that a program of a test ends.
os.environ["STRATUS_DRAIN_DELAY_SECONDS"] = "0"


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind():
    """A test that fails half-way may not have stopped what it started."""
    yield
    programs.end_all()
