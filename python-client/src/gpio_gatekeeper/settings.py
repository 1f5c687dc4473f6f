"""Where the gatekeeper is and who signs in: from arguments, the environment, or a file that its owner alone reads."""

from __future__ import annotations

import itertools
import json
import os
import re
import secrets
import socket
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Mapping, Optional
from urllib.parse import unquote, urlsplit

from .errors import SettingsError

DEFAULT_URL = "line://127.0.0.1"
PORTS: Mapping[str, int] = {"line": 7070, "lines": 7071, "mqtt": 1883, "mqtts": 8883}
DEFAULT_TIMEOUT = 5.0
"""Seconds for a connection and its greeting, and for the answer to a command."""

_KEYS = ("url", "user", "password", "token", "ca", "certificate", "key", "client")


@dataclass(frozen=True)
class Settings:
    """What a connection needs to know."""

    scheme: str
    host: str
    port: int
    client: str
    user: Optional[str] = None
    password: Optional[str] = field(default=None, repr=False)
    token: Optional[str] = field(default=None, repr=False)
    ca: Optional[str] = None
    certificate: Optional[str] = None
    key: Optional[str] = None
    timeout: float = DEFAULT_TIMEOUT

    @property
    def is_tls(self) -> bool:
        """Whether the connection is in TLS."""
        return self.scheme in ("lines", "mqtts")

    @property
    def url(self) -> str:
        """Where the gatekeeper is, without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def tls(self) -> ssl.SSLContext:
        """The context for a connection in TLS: name and chain are verified, always."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.ca is not None:
                # The file may hold a self-signed certificate, which is no authority and has none above it.  Later
                # versions of Python also ask of it what only authorities have.
                context.verify_flags |= _PARTIAL_CHAIN
                context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"the certificates can't be used: {error}") from error
        return context


# X509_V_FLAG_PARTIAL_CHAIN, which Python has a name for since 3.10.
_PARTIAL_CHAIN = 0x80000


def settings(
    url: Optional[str] = None,
    *,
    timeout: Optional[float] = None,
    environment: Optional[Mapping[str, str]] = None,
    **given: Optional[str],
) -> Settings:
    """Puts together what the caller, the environment and the file say; what comes first counts."""
    environment = os.environ if environment is None else environment
    arguments = {"url": url, **given}
    layers = [
        {name: value for name, value in arguments.items() if value is not None},
        {
            name: environment[f"GATEKEEPER_{name.upper()}"]
            for name in _KEYS
            if environment.get(f"GATEKEEPER_{name.upper()}")
        },
        _file(environment),
    ]
    found: Dict[str, str] = {}
    for layer in layers:
        if "password" in layer and "token" in layer:
            raise SettingsError("give either a password or a token, not both")
        user = _user_of(layer.get("url"))
        if user is not None:
            layer.setdefault("user", user)
        # Password and token are two ways to say the same: who gives one does not mean another that stands elsewhere,
        # and those of one user are not meant for another.
        others = found.get("user", layer.get("user")) != layer.get("user", found.get("user"))
        has_secret = "password" in found or "token" in found
        for name, value in layer.items():
            if not (name in ("password", "token") and (has_secret or others)):
                found.setdefault(name, value)
    return _checked(found, DEFAULT_TIMEOUT if timeout is None else timeout)


def _user_of(url: Optional[str]) -> Optional[str]:
    try:
        user = urlsplit(url or "").username
    except ValueError:
        return None
    return unquote(user) if user else None


def _checked(found: Mapping[str, str], timeout: float) -> Settings:
    url = found.get("url", DEFAULT_URL)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in PORTS:
        raise SettingsError(f"{url!r} begins with none of line:// lines:// mqtt:// mqtts://")
    if parts.password is not None:
        raise SettingsError(
            "a password does not stand in a URL: give it as password=, in GATEKEEPER_PASSWORD or in the file"
        )
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise SettingsError(f"{url!r} is not of the form line://[user@]host[:port]")
    user, certificate, key = found.get("user"), found.get("certificate"), found.get("key")
    if key is not None and certificate is None:
        raise SettingsError("a key is given without its certificate")
    if user is not None and not (found.get("password") or found.get("token") or certificate):
        raise SettingsError(f"the user {user} has neither password, token nor certificate")
    if found.get("password") is not None and user is None:
        raise SettingsError("a password is given without a user")
    if not timeout > 0:
        raise SettingsError("the timeout is a number of seconds above 0")
    return Settings(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        client=_client(found.get("client")),
        user=user,
        password=found.get("password"),
        token=found.get("token"),
        ca=found.get("ca"),
        certificate=certificate,
        key=key,
        timeout=timeout,
    )


def _file(environment: Mapping[str, str]) -> Dict[str, str]:
    named = environment.get("GATEKEEPER_CREDENTIALS")
    if named:
        path = Path(named)
    else:
        home = environment.get("XDG_CONFIG_HOME")
        folder = Path(home) if home else Path(environment.get("HOME", "~")).expanduser() / ".config"
        path = folder / "gpio-gatekeeper" / "client.json"
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            # Elsewhere these bits say nothing.
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                raise SettingsError(f"others can read {path}: chmod 600 {path}")
            content = json.load(file)
    except FileNotFoundError:
        if named:
            raise SettingsError(f"there is no {path}") from None
        return {}
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} is no JSON object")
    for name, value in content.items():
        if name not in _KEYS:
            raise SettingsError(f"{path} has the unknown key {name!r}; there are {' '.join(_KEYS)}")
        if not isinstance(value, str):
            raise SettingsError(f"{name} in {path} is no text")
    return content


# Each gate of this process has a client id of its own: two with the same one would take each other over.
_NAME = f"{re.sub(r'[^A-Za-z0-9._-]', '-', socket.gethostname())[:64] or 'python'}-{secrets.token_hex(4)}"
_NUMBERS = itertools.count(1)


def _client(given: Optional[str]) -> str:
    if given is None:
        number = next(_NUMBERS)
        return _NAME if number == 1 else f"{_NAME}-{number}"
    if not 1 <= len(given.encode()) <= 128 or re.search(r"[/+#\x00-\x1f\x7f]", given):
        raise SettingsError("a client id has 1 to 128 bytes, no / + # and no control characters")
    return given
