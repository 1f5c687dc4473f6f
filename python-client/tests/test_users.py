"""TLS, and users with passwords, tokens and certificates, over both protocols."""

from __future__ import annotations

import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Dict

from gpio_gatekeeper import AccessDenied, ConnectFailed, Gate, SettingsError, connect

from .daemon import PATIENCE, Daemon, Events, binary

PASSWORD = "correct horse battery"


def run(*arguments: str, typed: str = "") -> str:
    """What the program answers to these arguments."""
    command = [binary(), *arguments]
    ended = subprocess.run(command, input=typed, capture_output=True, text=True, check=True, timeout=PATIENCE)
    return ended.stdout


class UsersCase(unittest.TestCase):
    """A gatekeeper that lets nobody in without credentials, in plain and in TLS."""

    daemon: Daemon
    files: Dict[str, str]
    token: str

    @classmethod
    def setUpClass(cls) -> None:
        binary()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        out = folder.name
        names = ("certificate", "key", "clients", "boss", "boss-key")
        cls.files = {name: str(Path(out, f"{name}.pem")) for name in names}
        users = str(Path(out, "users.json"))
        run("cert", "--self-signed", "127.0.0.1", "--out", out)
        run("cert", "--client", "boss", "--out", out)
        anna = ("anna", "--role", "operator", "--devices", "l*", "--password-stdin")
        run("user", "add", *anna, "--users", users, typed=PASSWORD + "\n")
        run("user", "add", "esp", "--role", "operator", "--no-password", "--users", users)
        cls.token = run("user", "token", "esp", "--users", users).strip()
        run("user", "certificate", "esp", "boss", "--users", users)
        tls = {
            "listen": "127.0.0.1:0",
            "certificate": cls.files["certificate"],
            "key": cls.files["key"],
            "client_ca": cls.files["clients"],
            "client_certificates": "optional",
        }
        listeners = {name: {"listen": "127.0.0.1:0", "tls": dict(tls)} for name in ("line", "mqtt")}
        cls.daemon = Daemon({**listeners, "users": users})
        cls.addClassCleanup(cls.daemon.clear)

    def connect(self, scheme: str, **settings: str) -> Gate:
        """A client, closed after the test."""
        if scheme.endswith("s"):
            settings.setdefault("ca", self.files["certificate"])
        gate = connect(self.daemon.url(scheme), timeout=PATIENCE, **settings)  # type: ignore[arg-type]
        self.addCleanup(gate.close)
        return gate


class SigningIn(UsersCase):
    def test_with_a_password(self) -> None:
        for scheme in ("line", "lines", "mqtt", "mqtts"):
            with self.subTest(scheme):
                gate = self.connect(scheme, user="anna", password=PASSWORD)
                self.assertEqual(gate.do("led", "on").value, 1)
                # A motor is none of hers.
                with self.assertRaises(AccessDenied):
                    gate.do("motor", "stop")
                with self.assertRaises(AccessDenied):
                    gate.device("motor")

    def test_with_a_token(self) -> None:
        for scheme in ("line", "lines", "mqtt", "mqtts"):
            with self.subTest(scheme):
                self.assertEqual(self.connect(scheme, token=self.token).do("motor", "stop").value, 0)

    def test_with_a_certificate(self) -> None:
        own = {"certificate": self.files["boss"], "key": self.files["boss-key"]}
        for scheme in ("lines", "mqtts"):
            with self.subTest(scheme):
                self.assertEqual(self.connect(scheme, **own).do("motor", "stop").value, 0)

    def test_without_any_nothing_is_allowed(self) -> None:
        with self.assertRaises(AccessDenied):
            self.connect("line").do("led", "on")
        with self.assertRaises(AccessDenied):
            self.connect("mqtt")

    def test_with_wrong_ones(self) -> None:
        for scheme in ("line", "mqtt"):
            with self.subTest(scheme), self.assertRaises(AccessDenied):
                self.connect(scheme, token="gk_00000000000000000000000000000000")

    def test_as_on_the_status(self) -> None:
        status = self.connect("line", user="anna", password=PASSWORD).status()
        self.assertEqual((status.user, status.role), ("anna", "operator"))

    def test_again_after_a_restart(self) -> None:
        for scheme in ("lines", "mqtts"):
            with self.subTest(scheme):
                gate, online = self.connect(scheme, user="anna", password=PASSWORD), Events()
                with gate.device("led") as led:
                    gate.when_connected = lambda: online("online")
                    self.daemon.stop()
                    self.daemon.start()
                    online.next()
                    self.assertTrue(led._wait(lambda state: state.value == 0, PATIENCE))
                    gate.do("led", "on")


class Verifying(UsersCase):
    def test_nobody_is_trusted_who_was_not_vouched_for(self) -> None:
        for scheme in ("lines", "mqtts"):
            with self.subTest(scheme), self.assertRaises(ConnectFailed) as caught:
                self.connect(scheme, ca=self.files["clients"], token=self.token)
            self.assertIn("certificate verify failed", str(caught.exception))

    def test_the_name_has_to_be_the_one_in_the_certificate(self) -> None:
        for scheme in ("lines", "mqtts"):
            url = self.daemon.url(scheme).replace("127.0.0.1", "localhost")
            with self.subTest(scheme), self.assertRaises(ConnectFailed) as caught:
                connect(url, ca=self.files["certificate"], token=self.token)
            self.assertIn("localhost", str(caught.exception))

    def test_files_that_are_no_certificates_are_told(self) -> None:
        with self.assertRaises(SettingsError):
            self.connect("lines", ca=self.files["key"], token=self.token)
        with self.assertRaises(SettingsError):
            self.connect("lines", certificate=self.files["boss"], key=self.files["key"])


if __name__ == "__main__":
    unittest.main()
