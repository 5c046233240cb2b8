"""Where alerts go: apprise addresses, level by level, from `<home>/keys/alert_urls` or FILLWISE_ALERT_URLS.

    mailto://desk:password@mail.example?to=desk@example.com json://chat.example/hooks/desk
    pagerduty://integration@key

A line (in the setting: what stands between two `|`) is a level; addresses of a level, with spaces between them, are
told together. Lines that begin with # say something to the reader. The file holds secrets, so it must have mode 0600.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from infra.settings import Settings

OTHERS = 0o077
NOT_CONFIGURED = "no address: write apprise addresses into {path} (mode 0600), or set FILLWISE_ALERT_URLS"
Levels = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Addresses:
    """Addresses by level, or why there are none."""

    levels: Levels
    why: str = ""


def address_file(settings: Settings) -> Path:
    """The file with the addresses."""
    return settings.keys / "alert_urls"


def levels_of(text: str) -> Levels:
    """Levels of addresses in a text.

    >>> levels_of("# the desk\\njson://a json://b | json://c")
    (('json://a', 'json://b'), ('json://c',))
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found = (tuple(part.split()) for line in lines for part in line.split("|"))
    return tuple(level for level in found if level)


def addresses(settings: Settings) -> Addresses:
    """Where alerts go now. A file that others can read is not used: its secrets are theirs already."""
    path = address_file(settings)
    if settings.alert_urls:
        return Addresses(levels_of(settings.alert_urls), "")
    try:
        mode, text = stat.S_IMODE(path.stat().st_mode), path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Addresses((), NOT_CONFIGURED.format(path=path))
    except (OSError, UnicodeDecodeError) as error:
        return Addresses((), f"{path} cannot be read: {error}")
    if mode & OTHERS:
        return Addresses((), f"{path} can be read by others (mode {mode:04o}): chmod 600 {path}")
    found = levels_of(text)
    return Addresses(found, "" if found else NOT_CONFIGURED.format(path=path))
