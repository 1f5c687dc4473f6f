"""What the package promises of itself: small files that say what they are, and nothing but the standard library."""

from __future__ import annotations

import ast
import re
import sys
import unittest
from pathlib import Path
from typing import Iterator, Tuple, Union

import gpio_gatekeeper

PACKAGE = Path(__file__).resolve().parents[1]
SOURCES = PACKAGE / "src" / "gpio_gatekeeper"
LONGEST_FILE = 500

# Who may import what that is not in the standard library.
OTHERS = {"mqtt.py": {"paho"}, "gpiozero_pins.py": {"gpiozero"}}

Documented = Union[ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef]


def files() -> Iterator[Tuple[Path, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, path.read_text(encoding="utf-8")


def public(tree: ast.AST) -> Iterator[Documented]:
    """The classes and functions that others may use."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


class Sources(unittest.TestCase):
    def test_files_are_short_and_say_what_they_are(self) -> None:
        for path, text in files():
            with self.subTest(path.name):
                self.assertLessEqual(len(text.splitlines()), LONGEST_FILE)
                self.assertTrue(not text or ast.get_docstring(ast.parse(text)))

    def test_public_things_have_a_sentence(self) -> None:
        # What overrides something means the same as that.
        overriding = {"close", "value", "values", "is_active", "source"}
        implementing = {"line.py", "mqtt.py", "core.py"}
        for path, text in files():
            if path.is_relative_to(SOURCES) and path.name not in implementing:
                for node in public(ast.parse(text)):
                    setter = any(isinstance(mark, ast.Attribute) for mark in node.decorator_list)
                    if not setter and node.name not in overriding:
                        self.assertTrue(ast.get_docstring(node), f"{path.name}: {node.name}")

    def test_only_the_standard_library_is_imported(self) -> None:
        names = getattr(sys, "stdlib_module_names", None)
        if names is None:
            self.skipTest("this Python does not tell what its standard library has")
        for path in SOURCES.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    modules = [node.module or ""]
                for module in modules:
                    top = module.split(".")[0]
                    self.assertTrue(top in names or top in OTHERS.get(path.name, set()), f"{path.name}: {module}")

    def test_the_version_is_the_same_everywhere(self) -> None:
        text = (PACKAGE / "pyproject.toml").read_text(encoding="utf-8")
        found = re.search(r'^version = "(.*)"$', text, re.MULTILINE)
        assert found is not None
        self.assertEqual(found.group(1), gpio_gatekeeper.__version__)

    def test_all_that_is_promised_is_there(self) -> None:
        for name in gpio_gatekeeper.__all__:
            self.assertTrue(hasattr(gpio_gatekeeper, name), name)
        errors = {name for name, kind in vars(gpio_gatekeeper.errors).items() if _is_error(kind)}
        self.assertEqual(errors - set(gpio_gatekeeper.__all__), set())


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, gpio_gatekeeper.GatekeeperError)


if __name__ == "__main__":
    unittest.main()
