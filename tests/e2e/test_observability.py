"""Rules and dashboard: tested by Prometheus' own tool, and every metric they name is one that the platform has."""

import json
import re
import shutil
import subprocess

import pytest
from programs import ROOT, call

FOLDER = ROOT / "deploy" / "observability"
RULES = FOLDER / "prometheus" / "stratus.rules.yml"
DASHBOARD = FOLDER / "grafana" / "stratus.json"
NAME = re.compile(r"\bstratus_[a-z0-9_]+")
RECORDED = re.compile(r"\bstratus:[a-z0-9_:]+")


def expressions(node):
    """Every `expr` of a dashboard."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "expr":
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def rule_lines():
    """The rules without what is written for people."""
    return [line for line in RULES.read_text().splitlines() if not re.match(r"\s*(#|summary:|description:)", line)]


@pytest.fixture(scope="module")
def metrics(gateway):
    token = gateway.token()
    assert gateway.call("/v1/weather:today", token).status == 200
    assert gateway.call("/v1/weather:today").status == 401
    return call(f"http://{gateway.program.addresses['admin']}/metrics").body.decode()


def test_the_rules_do_what_they_say():
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing (Debian's prometheus, which ./dev test installs)"
    done = subprocess.run(
        [promtool, "test", "rules", RULES.with_name("stratus.rules.test.yml")],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested():
    alerts = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    tested = set(re.findall(r"alertname: (\w+)", RULES.with_name("stratus.rules.test.yml").read_text()))
    assert alerts and alerts == tested


def test_every_metric_that_is_named_exists(metrics):
    text = "\n".join(rule_lines() + list(expressions(json.loads(DASHBOARD.read_text()))))
    named = set(NAME.findall(text))
    assert len(named) > 20
    there = {re.split(r"[{ ]", line, maxsplit=1)[0] for line in metrics.splitlines() if line and not line.startswith("#")}
    assert named <= there, f"no such metric: {sorted(named - there)}"


def test_every_recorded_series_that_is_used_is_recorded():
    recorded = set(re.findall(r"record: (\S+)", RULES.read_text()))
    used = set(RECORDED.findall("\n".join([*rule_lines(), DASHBOARD.read_text()])))
    assert used <= recorded, used - recorded


def test_panels_do_not_overlap():
    taken = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
