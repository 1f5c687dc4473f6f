"""A gatekeeper of the tests' own: the program that `GATEKEEPER_BINARY` names, on free ports of this machine.

By hand: `GATEKEEPER_BINARY=../target/debug/gpio-gatekeeper PYTHONPATH=src python -m unittest`.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List, Mapping, Optional

from gpio_gatekeeper import Gate, connect

PATIENCE = 30.0
"""Seconds within which whatever a test waits for has to happen."""

DEVICES: Mapping[str, object] = {
    "led": {"led": {"line": "GPIO17"}},
    "relay": {"relay": {"line": "GPIO27"}},
    "lamp": {"pwm_led": {"line": "GPIO18"}},
    "button": {"button": {"line": "GPIO22", "bias": "pull-up", "active_low": True, "hold_time": "100ms"}},
    "motor": {"motor": {"forward": "GPIO5", "backward": "GPIO6", "dead_time": "10ms"}},
}


def binary() -> str:
    """The program.  Without it the test is skipped, unless that is forbidden."""
    name = os.environ.get("GATEKEEPER_BINARY")
    if not name and os.environ.get("GATEKEEPER_REQUIRE_CLIENTS") == "1":
        raise AssertionError("GATEKEEPER_BINARY does not name the gatekeeper")
    if not name:
        raise unittest.SkipTest("GATEKEEPER_BINARY does not name the gatekeeper")
    return os.path.abspath(name)


class Daemon:
    """A running gatekeeper.  Its ports stay the same when it is started again."""

    def __init__(
        self, sections: Optional[Mapping[str, object]] = None, devices: Mapping[str, object] = DEVICES
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gatekeeper-"))
        listen = {"listen": "127.0.0.1:0"}
        self.config: Dict[str, object] = {"line": dict(listen), "mqtt": dict(listen), "http": dict(listen)}
        self.config["hardware"] = {"backend": "simulated"}
        self.config.update(sections or {})
        self.config["devices"] = devices
        self.addresses: Dict[str, str] = {}
        self._process: Optional[subprocess.Popen[str]] = None
        self.start()

    def start(self) -> None:
        """Starts it, and reads where it listens."""
        path = self.folder / "gatekeeper.jsonc"
        path.write_text(json.dumps(self.config))
        environment = {key: value for key, value in os.environ.items() if key not in ("RUST_LOG", "NOTIFY_SOCKET")}
        self._process = subprocess.Popen(
            [binary(), "--config", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            words = line.split()
            if len(words) == 2 and words[1].startswith("127.0.0.1:"):
                self.addresses[words[0]] = words[1]
            if "mosquitto_sub" in line:
                break
        else:
            raise AssertionError("the gatekeeper did not start")
        for name, address in self.addresses.items():
            section, _, tls = name.partition("+")
            settings = self.config[section]
            assert isinstance(settings, dict)
            (settings["tls"] if tls else settings)["listen"] = address

    def stop(self) -> None:
        """Ends it in order; may be called twice."""
        if self._process is not None:
            self._process.terminate()
            self._wait()

    def kill(self) -> None:
        """Ends it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._wait()

    def _wait(self) -> None:
        process, self._process = self._process, None
        assert process is not None and process.stdout is not None
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def clear(self) -> None:
        """Ends it and removes what it had."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, scheme: str = "line") -> str:
        """Where it is."""
        name = {"line": "line", "lines": "line+tls", "mqtt": "mqtt", "mqtts": "mqtt+tls"}[scheme]
        return f"{scheme}://{self.addresses[name]}"


class DaemonCase(unittest.TestCase):
    """Tests that share a gatekeeper, and speak one protocol with it."""

    scheme = "line"
    sections: Mapping[str, object] = {}
    devices: Mapping[str, object] = DEVICES
    daemon: Daemon

    @classmethod
    def setUpClass(cls) -> None:
        binary()
        cls.daemon = Daemon(cls.sections, cls.devices)
        cls.addClassCleanup(cls.daemon.clear)

    def setUp(self) -> None:
        self.gate = self.connect()

    def connect(self, **settings: object) -> Gate:
        """Another client, closed after the test."""
        settings.setdefault("timeout", PATIENCE)
        gate = connect(self.daemon.url(self.scheme), **settings)  # type: ignore[arg-type]
        self.addCleanup(gate.close)
        return gate


class Events:
    """Collects what callbacks are called with, and waits for it."""

    def __init__(self) -> None:
        self._queue: queue.Queue[object] = queue.Queue()

    def __call__(self, *about: object) -> None:
        self._queue.put(about[0] if len(about) == 1 else about)

    def next(self) -> object:
        """The next one."""
        return self._queue.get(timeout=PATIENCE)

    def rest(self) -> List[object]:
        """Those that have come and nobody took."""
        found = []
        while not self._queue.empty():
            found.append(self._queue.get())
        return found
