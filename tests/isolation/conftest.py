import os

import pytest
from isolation_rig import SMALL_LIMITS, Isolated

USERS = ["root", "ordinary"] if os.geteuid() == 0 else ["ordinary"]


@pytest.fixture(scope="session", params=USERS)
def user(request):
    return request.param


@pytest.fixture(scope="session")
def open_rig(user):
    """Without isolation, and with limits that none of the attacks comes to: what each does when nothing is in its way."""
    rig = Isolated(user, "off")
    yield rig
    rig.stop()


@pytest.fixture(scope="session")
def strict_rig(user):
    rig = Isolated(user, "strict", SMALL_LIMITS)
    yield rig
    rig.stop()
