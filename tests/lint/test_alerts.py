"""The alert rules, their tests and the runbook say the same names. What the metrics are called is tests/e2e/test_monitoring.py's."""
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "monitoring"
RULES = [rule for group in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
ALERTS = [rule["alert"] for rule in RULES]


@pytest.mark.skipif(not shutil.which("promtool"), reason="Prometheus is not installed")
@pytest.mark.parametrize("argv", [["check", "rules", "alerts.yml"], ["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]],
                         ids=lambda argv: " ".join(argv))
def test_promtool_is_content(argv):
    done = subprocess.run(["promtool", *argv], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_seen_firing_and_silent_by_promtool():
    fires, silent = set(), set()
    for test in yaml.safe_load((MONITORING / "alerts_test.yml").read_text())["tests"]:
        for case in test["alert_rule_test"]:
            (fires if case.get("exp_alerts") else silent).add(case["alertname"])
    assert fires == silent == set(ALERTS)


def test_the_runbook_has_one_section_an_alert_in_the_same_order():
    text = (ROOT / "docs" / "runbook.md").read_text()
    assert re.findall(r"^## (.*)$", text, re.M) == ALERTS
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        assert "\nSee: " in section and "\nDo: " in section, section.split()[0]
    assert all(rule["annotations"]["runbook"] == f"runbook.md#{rule['alert'].lower()}" for rule in RULES)


def test_each_panel_of_the_dashboard_has_a_place_and_an_expression():
    panels = [p for p in json.loads((MONITORING / "dashboard.json").read_text())["panels"] if p["type"] != "row"]
    assert len({(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels}) == len({p["id"] for p in panels}) == len(panels)
    assert all(t["expr"] for p in panels for t in p["targets"])
