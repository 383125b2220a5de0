"""Many connections of one client shut nobody out: not the other clients, and not the admin port."""

import hostile_attacks as attacks
from hostile_rig import CONFIG, GIB, Door, attacked, call, closing


def test_idle_connections_make_room_and_the_admin_port_stays(tmp_path):
    door = Door(tmp_path, 3 * GIB // 2, descriptors_max=256)
    try:
        with attacked(door), closing(attacks.idle_connections(door, 160)):
            assert call(f"http://{door.program.addresses['admin']}/livez", timeout=5).status == 200
        # A quarter of those that 256 descriptors leave room for.
        assert door.metric("stratus_gateway_connections_refused_address_total") > 0
        assert "limits.connections_per_address_max" in door.program.log()
    finally:
        assert door.stop() == 0


def test_the_oldest_idle_connections_go_first(tmp_path):
    config = CONFIG + "headers:\n  trusted_proxies: [127.0.0.0/8]\n"  # whose connections are not counted by address
    door = Door(tmp_path, 3 * GIB // 2, descriptors_max=256, config=config)
    try:
        with attacked(door), closing(attacks.idle_connections(door, 400)):
            assert call(f"http://{door.program.addresses['admin']}/livez", timeout=5).status == 200
        assert door.metric("stratus_gateway_connections_idle_closed_total") > 0
        assert "limits.connections_max" in door.program.log()
    finally:
        assert door.stop() == 0
