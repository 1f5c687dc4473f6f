"""A network between client and gatekeeper that can be cut, and can swallow what is said in either direction."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import List, Set, Tuple


class Proxy:
    """Passes bytes on, on one thread, until it is told otherwise."""

    def __init__(self, address: Tuple[str, int]) -> None:
        self._target = address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: str = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: List[Tuple[socket.socket, socket.socket]] = []
        self._swallowed: Set[str] = set()
        self.swallowing = threading.Event()
        """Is set when something was swallowed."""
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()

    def swallow(self, *directions: str) -> None:
        """From now on what goes `up` to the gatekeeper, or `down` from it, is lost."""
        self.swallowing.clear()
        self._swallowed = set(directions)

    def cut(self) -> None:
        """Ends the connections that there are; further ones are good."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for end in (end for pair in pairs for end in pair):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                # It has gone already, perhaps because the other one has.
                pass
        self._swallowed = set()

    def close(self) -> None:
        """Ends everything."""
        # That wakes who waits there.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                daemon = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._pairs.append((client, daemon))
            threading.Thread(target=self._pass_on, args=(client, daemon), daemon=True).start()

    def _pass_on(self, client: socket.socket, daemon: socket.socket) -> None:
        with client, daemon, selectors.DefaultSelector() as waiting:
            waiting.register(client, selectors.EVENT_READ, (daemon, "up"))
            waiting.register(daemon, selectors.EVENT_READ, (client, "down"))
            while True:
                for key, _ in waiting.select():
                    other, direction = key.data
                    try:
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if direction in self._swallowed and data:
                            self.swallowing.set()
                        elif data:
                            other.sendall(data)
                    except OSError:
                        return
                    if not data:
                        return
