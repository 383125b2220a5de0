"""A module that would run a program of its own when it is prepared is refused before any engine sees it."""

import pathlib
import socket

import pytest
from provisioning_rig import Rig


@pytest.mark.parametrize("tier", ["off", "strict"])
def test_a_module_with_a_key_provider_of_its_own_is_refused_and_never_run(tmp_path, tier):
    marker = tmp_path / "ran"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        script = f": > {marker}; exec 3<>/dev/tcp/127.0.0.1/{listener.getsockname()[1]}"
        module = tmp_path / "modules" / "mine"
        module.mkdir(parents=True)
        (module / "main.tf").write_text(f"""terraform {{
  encryption {{
    key_provider "external" "x" {{ command = ["/bin/bash", "-c", "{script}"] }}
    method "aes_gcm" "m" {{ keys = key_provider.external.x }}
    state {{ method = method.aes_gcm.m }}
  }}
}}
""")
        with pytest.raises(RuntimeError, match=r"mine/main\.tf:2: .*Remove the `encryption` block"):
            Rig(pathlib.Path(tmp_path), modules=tmp_path / "modules", flags=[f"--isolation={tier}"])
        assert not marker.exists()
        with pytest.raises(BlockingIOError):
            listener.accept()
