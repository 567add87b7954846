"""Decides whether one more connection helps; pure."""

from __future__ import annotations

_GAIN = 1.2
_SHORTEST_WINDOW_S = 0.1


class Growth:
    """How many streams one file is worth: doubled while the measured speed grows with them."""

    def __init__(self) -> None:
        self._window_s = _SHORTEST_WINDOW_S
        self._since = 0.0
        self._bytes = 0
        self._speed = 0.0
        self.is_settled = False
        self.keep = 1_000
        """How many streams shall stay, the first included."""

    def restart(self, now: float, received_bytes: int, first_byte_s: float = 0) -> None:
        """Measure from now on; a host that is slow to answer is measured longer."""
        self._since, self._bytes = now, received_bytes
        self._window_s = max(self._window_s, 2 * first_byte_s)

    def more(self, now: float, received_bytes: int, streams: int) -> int:
        """Return how many streams to add to those that run."""
        elapsed = now - self._since
        if self.is_settled or elapsed < self._window_s:
            return 0
        speed = (received_bytes - self._bytes) / elapsed
        if streams > 1 and speed < self._speed * _GAIN:
            self.is_settled = True
            self.keep = streams // 2 if speed < self._speed * (1 + (_GAIN - 1) / 2) else streams
            return 0
        self._speed = speed
        self.restart(now, received_bytes)
        return streams
