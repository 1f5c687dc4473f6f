"""Where the gatekeeper is and who signs in."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path
from typing import Dict, Optional

from gpio_gatekeeper.errors import SettingsError
from gpio_gatekeeper.settings import Settings, settings


class Case(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.environment: Dict[str, str] = {"XDG_CONFIG_HOME": folder.name}

    def settings(self, url: Optional[str] = None, **given: str) -> Settings:
        return settings(url, environment=self.environment, **given)

    def refused(self, url: Optional[str] = None, **given: str) -> str:
        with self.assertRaises(SettingsError) as caught:
            self.settings(url, **given)
        return str(caught.exception)

    def write(self, content: object, mode: int = 0o600) -> Path:
        path = self.folder / "gpio-gatekeeper" / "client.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        os.chmod(path, mode)
        return path


class Urls(Case):
    def test_the_default_is_this_machine(self) -> None:
        self.assertEqual(self.settings().url, "line://127.0.0.1:7070")

    def test_each_scheme_has_its_port(self) -> None:
        for scheme, port in (("line", 7070), ("lines", 7071), ("mqtt", 1883), ("mqtts", 8883)):
            self.assertEqual(self.settings(f"{scheme}://board").url, f"{scheme}://board:{port}")
        self.assertEqual(self.settings("lines://[::1]:99").url, "lines://[::1]:99")

    def test_others_are_refused(self) -> None:
        for url in ("board", "http://board", "line://", "line://board:x", "line://board/x", "line://board?x"):
            self.assertIn(url, self.refused(url))

    def test_a_password_does_not_stand_in_it(self) -> None:
        self.assertNotIn("secret", self.refused("line://anna:secret@board"))

    def test_a_user_stands_in_it(self) -> None:
        self.assertEqual(self.settings("line://anna@board", password="x").user, "anna")
        self.assertIn("anna", self.refused("line://anna@board"))


class Layers(Case):
    def test_an_argument_comes_before_the_environment_and_that_before_the_file(self) -> None:
        self.write({"url": "line://file", "client": "file", "ca": "file"})
        self.environment.update(GATEKEEPER_URL="line://environment", GATEKEEPER_CLIENT="environment")
        found = self.settings("line://argument")
        self.assertEqual((found.host, found.client, found.ca), ("argument", "environment", "file"))

    def test_a_secret_elsewhere_is_not_mixed_in(self) -> None:
        self.write({"user": "anna", "password": "of the file"})
        self.environment["GATEKEEPER_TOKEN"] = "of the environment"
        found = self.settings()
        self.assertEqual((found.token, found.password), ("of the environment", None))

    def test_the_password_of_one_user_is_not_sent_for_another(self) -> None:
        self.write({"user": "anna", "password": "hers"})
        self.assertEqual(self.settings().password, "hers")
        self.assertIn("bert", self.refused("line://bert@board"))

    def test_both_secrets_at_once_are_refused(self) -> None:
        self.refused(user="anna", password="x", token="y")

    def test_secrets_are_not_shown(self) -> None:
        self.assertNotIn("hush", repr(self.settings(user="anna", password="hush")) + repr(self.settings(token="hush")))

    def test_each_has_a_client_id_of_its_own(self) -> None:
        self.assertNotEqual(self.settings().client, self.settings().client)
        for client in ("", "a/b", "a+", "#", "x" * 129, "a\n"):
            self.refused(client=client)


class File(Case):
    def test_others_may_not_read_it(self) -> None:
        path = self.write({"token": "x"}, mode=0o640)
        self.assertIn(f"chmod 600 {path}", self.refused())

    def test_what_is_not_known_is_an_error(self) -> None:
        for content in ({"pasword": "x"}, {"token": 1}, [], "{"):
            self.write(content)
            self.refused()

    def test_it_can_be_elsewhere(self) -> None:
        self.environment["GATEKEEPER_CREDENTIALS"] = str(self.write({"token": "x"}))
        self.environment["XDG_CONFIG_HOME"] = "/nowhere"
        self.assertEqual(self.settings().token, "x")
        self.environment["GATEKEEPER_CREDENTIALS"] = str(self.folder / "missing")
        self.assertIn("missing", self.refused())


if __name__ == "__main__":
    unittest.main()
