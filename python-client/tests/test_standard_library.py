"""The line protocol needs nothing but the standard library."""

from __future__ import annotations

import subprocess
import sys
import unittest
from pathlib import Path

from .daemon import PATIENCE, DaemonCase

SOURCES = Path(__file__).resolve().parents[1] / "src"

STORY = """
import sys
sys.path.insert(0, sys.argv[2])
from gpio_gatekeeper import LED, connect
with connect(sys.argv[1]) as gate:
    LED("led", gate=gate).on()
    assert gate.read("led").value == 1
assert not [name for name in sys.modules if name.startswith("paho")]
"""


class WithoutPackages(DaemonCase):
    def test_it_speaks_the_line_protocol(self) -> None:
        # -S leaves out everything that was installed, -I what the environment names.
        command = [sys.executable, "-I", "-S", "-B", "-c", STORY, self.daemon.url(), str(SOURCES)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_mqtt_says_what_it_needs(self) -> None:
        command = [sys.executable, "-I", "-S", "-B", "-c", STORY, self.daemon.url("mqtt"), str(SOURCES)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        self.assertIn("pip install 'gpio-gatekeeper[mqtt]'", ended.stderr)


if __name__ == "__main__":
    unittest.main()
