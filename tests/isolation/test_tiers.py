"""Which tier runs have is found out at start, and said where an operator looks."""

import json
import os

import pytest
from isolation_rig import Isolated
from programs import call


def admin(rig, path):
    reply = call(f"http://{rig.replicas['r0'].addresses['admin']}{path}")
    assert reply.status == 200, reply.body
    return reply.body.decode()


def test_the_tier_is_in_readyz_and_in_a_metric(open_rig, strict_rig):
    for rig, tier in ((open_rig, "off"), (strict_rig, "strict")):
        assert json.loads(admin(rig, "/readyz")) == {"status": "ready", "isolation": tier}
        metrics = admin(rig, "/metrics")
        for other in ("strict", "basic", "off"):
            assert f'stratus_provisioning_isolation_tier{{tier="{other}"}} {int(other == tier)}' in metrics
    assert "runs are not isolated" in open_rig.logs()
    assert "runs are not isolated" not in strict_rig.logs()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no uids to give")
def test_it_does_not_start_with_less_than_was_asked_for():
    # 65534 is nobody's, by name.
    with pytest.raises(RuntimeError, match=r"--isolation=strict is not to be had here: .*gives some of them to nobody"):
        Isolated("root", "strict", ["--isolation-uids=65000-65999"])
