"""One speed limit over all threads of a sync."""

from __future__ import annotations

import threading
import time


class Pace:
    """Lets through so many bytes a second, whoever asks; 0 lets everything through."""

    def __init__(self, bytes_per_second: int) -> None:
        self._rate = bytes_per_second
        self._lock = threading.Lock()
        self._free_at = 0.0

    def take(self, size_bytes: int) -> None:
        """Wait until these bytes may pass."""
        if not self._rate:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + size_bytes / self._rate
            wait_s = self._free_at - now
        time.sleep(wait_s)
