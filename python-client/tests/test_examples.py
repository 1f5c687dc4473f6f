"""The examples and the README, run as they stand against a gatekeeper."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Callable, Optional

from .daemon import PATIENCE, DaemonCase

PACKAGE = Path(__file__).resolve().parents[1]


class Examples(DaemonCase):
    ran = {"blink.py", "button.py", "dimmer.py", "motor.py", "variables.py", "alert.py", "follow.py"}

    def run_program(self, program: Path, when_ready: Optional[Callable[[], object]] = None) -> str:
        """What it prints; `when_ready` is done after its first line."""
        environment = {**os.environ, "GATEKEEPER_URL": self.daemon.url(), "PYTHONPATH": str(PACKAGE / "src")}
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(
                [sys.executable, "-B", str(program)], env=environment, text=True, stdout=subprocess.PIPE, stderr=errors
            ) as process,
        ):
            late = threading.Timer(PATIENCE, process.kill)
            late.start()
            assert process.stdout is not None
            output = process.stdout.readline()
            if when_ready is not None:
                when_ready()
            output += process.stdout.read()
            status = process.wait()
            late.cancel()
            errors.seek(0)
            self.assertEqual((status, errors.read()), (0, ""))
        return output

    def example(self, name: str, when_ready: Optional[Callable[[], object]] = None) -> str:
        return self.run_program(PACKAGE / "examples" / name, when_ready)

    def press(self) -> None:
        self.gate.do("button", "press")
        self.addCleanup(self.gate.do, "button", "release")

    def test_every_one_is_run(self) -> None:
        self.assertEqual({path.name for path in (PACKAGE / "examples").glob("*.py")}, self.ran)

    def test_blink(self) -> None:
        self.assertEqual(self.example("blink.py"), "it is on\nit is off\n")

    def test_button(self) -> None:
        before = self.gate.read("led").value
        self.example("button.py", self.press)
        self.assertNotEqual(self.gate.read("led").value, before)

    def test_dimmer(self) -> None:
        self.assertEqual(self.example("dimmer.py"), "it is at 0.0\n")

    def test_motor(self) -> None:
        self.assertRegex(self.example("motor.py"), r"^it goes forward under the lease \d+\nit is stopped\n$")

    def test_variables(self) -> None:
        self.assertEqual(self.example("variables.py"), "setpoint is 21.5\nsomebody says hello\n")

    def test_alert(self) -> None:
        self.assertEqual(self.example("alert.py"), "bright and the relay is on\n")

    def test_follow(self) -> None:
        self.assertEqual(self.example("follow.py", self.press), "press the button\nit was pressed\n")
        self.assertEqual(self.gate.read("led").value, 1)

    def test_the_programs_of_the_readme(self) -> None:
        text = (PACKAGE / "README.md").read_text(encoding="utf-8")
        programs = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        self.assertGreater(len(programs), 3)
        for program in programs:
            with self.subTest(program), tempfile.NamedTemporaryFile("w", suffix=".py") as file:
                file.write(program)
                file.flush()
                self.run_program(Path(file.name))


if __name__ == "__main__":
    unittest.main()
