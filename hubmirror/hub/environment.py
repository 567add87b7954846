"""Variables that tell libraries to stay offline, set while code runs from a mirror.

They keep code from asking (for updates of itself, for statistics) where an answer would only be a
refusal; they hold for the children too. What the user has set is left as it is.
Invariant: when the last user has left, what is still ours is gone.
"""

from __future__ import annotations

import os
import threading

_DEFAULTS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_OFFLINE": "true",
    "YOLOv5_AUTOINSTALL": "false",
}


class Environment:
    """The variables of this process that are ours while anybody needs them."""

    def __init__(self) -> None:
        self._users = 0
        self._ours: set[str] = set()
        self._lock = threading.Lock()

    def put_in(self) -> None:
        """Begin to need the variables; each call wants one of ``take_out``."""
        with self._lock:
            if not self._users:
                self._ours = {name for name in _DEFAULTS if name not in os.environ}
                os.environ.update({name: _DEFAULTS[name] for name in self._ours})
            self._users += 1

    def take_out(self) -> None:
        """Cease to need them."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            for name in [name for name in self._ours if self.is_ours(name)]:
                del os.environ[name]
            self._ours = set()

    def is_ours(self, name: str) -> bool:
        """Tell whether a variable has its value from us."""
        return name in self._ours and os.environ.get(name) == _DEFAULTS[name]
