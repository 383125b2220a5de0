"""Six rounds of the kill matrix a store, and the control, for every build; `./dev chaos` plays thirty."""

import random

import pytest
from kill_matrix import MODULES, control, play
from provisioning_rig import Rig

ROUNDS = 6


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_killed_run_loses_nothing(store, tmp_path):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rig = Rig(tmp_path, store, MODULES)
    try:
        wrong, landed = play(rig, ROUNDS, 0, seed)
        print(f"{landed} of {ROUNDS} kills landed with a create in flight")
        assert not wrong, rig.logs()[-4000:]
        assert landed * 2 >= ROUNDS, "too few kills landed with a create in flight: this proves nothing"
    finally:
        rig.stop()


def test_without_recovery_a_killed_run_loses_something(tmp_path):
    rig = Rig(tmp_path, "sqlite", MODULES, flags=["--recovery=off"])
    try:
        assert control(rig)
    finally:
        rig.stop()
