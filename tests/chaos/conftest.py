"""Gateways under a memory limit, one for each, for all hostile tests of a run."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from hostile_rig import GIB, Door  # noqa: E402


def door_of(tmp_path_factory, memory_bytes):
    door = Door(tmp_path_factory.mktemp("door"), memory_bytes)
    yield door
    assert door.stop() == 0, door.program.log()[-4000:]


@pytest.fixture(scope="session")
def small_door(tmp_path_factory):
    """With 1.5 GB of address space."""
    yield from door_of(tmp_path_factory, 3 * GIB // 2)


@pytest.fixture(scope="session")
def large_door(tmp_path_factory):
    """With 6 GB."""
    yield from door_of(tmp_path_factory, 6 * GIB)


@pytest.fixture(params=["small_door", "large_door"])
def door(request):
    """Each of them."""
    return request.getfixturevalue(request.param)
