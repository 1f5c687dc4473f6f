"""Each refusal code of protocol.md is an error of its own, and a fitting builtin."""

from __future__ import annotations

import pickle
import re
import unittest
from pathlib import Path

from gpio_gatekeeper import errors
from gpio_gatekeeper.errors import Outcome, Refusal, refusal

DOCUMENT = Path(__file__).resolve().parents[2] / "protocol.md"


class Codes(unittest.TestCase):
    def test_there_is_an_error_for_each(self) -> None:
        section = DOCUMENT.read_text(encoding="utf-8").split("## Refusal codes")[1].split("\n## ")[0]
        codes = re.findall(r"^\| `([A-Z_]+)` \|", section, re.MULTILINE)
        self.assertGreater(len(codes), 20)
        self.assertEqual(set(codes), set(Refusal.by_code))

    def test_it_tells_code_message_and_outcome(self) -> None:
        error = refusal("HELD", "motor is held by panel")
        self.assertIsInstance(error, PermissionError)
        self.assertEqual((error.code, error.message), ("HELD", "motor is held by panel"))
        self.assertEqual((str(error), error.outcome), ("HELD: motor is held by panel", Outcome.REFUSED))

    def test_one_that_is_not_known_is_a_refusal_like_any_other(self) -> None:
        error = refusal("TOO_LATE", "come earlier")
        self.assertEqual((type(error), error.code, str(error)), (Refusal, "TOO_LATE", "TOO_LATE: come earlier"))

    def test_each_is_also_a_builtin(self) -> None:
        for kind in [*Refusal.by_code.values(), errors.CallTimeout, errors.ConnectionLost, errors.NotSent]:
            builtins = [base for base in kind.__mro__ if base.__module__ == "builtins"]
            self.assertGreater(len(builtins), 3, kind)
            # Some builtins make something of their arguments.
            self.assertTrue(str(kind("what")).endswith("what"), kind)
            self.assertEqual(str(pickle.loads(pickle.dumps(kind("what")))), str(kind("what")))

    def test_what_is_not_known_is_said_so(self) -> None:
        for kind in (errors.CallTimeout, errors.ConnectionLost, errors.DeviceFault):
            self.assertIs(kind("x").outcome, Outcome.UNKNOWN)
        self.assertIs(errors.NotSent("x").outcome, Outcome.NOT_SENT)


if __name__ == "__main__":
    unittest.main()
