"""Decides whether more connections help; pure."""

from __future__ import annotations

_GAIN = 0.2
_SLOW_BYTES_PER_S = 100_000_000
_FIRST_STEP = 4
_SHORTEST_WINDOW_S = 0.05


class Growth:
    """How many streams one file is worth: more while the measured speed grows with them.

    A slow first stream gets three more at once, all else is doubled. Streams have helped when
    each time as many brought a fifth; where they seem not to, they are measured once more, for
    longer.
    """

    def __init__(self) -> None:
        self._window_s = _SHORTEST_WINDOW_S
        self._since = 0.0
        self._bytes = 0
        self._speed = 0.0
        self._streams = 0
        self._is_doubtful = False
        self.is_settled = False
        self.keep = 1_000
        """How many streams shall stay, the first included."""

    def restart(self, now: float, received_bytes: int, first_byte_s: float = 0) -> None:
        """Measure from now on; a host that is slow to answer is measured longer."""
        self._since, self._bytes = now, received_bytes
        self._window_s = max(self._window_s, first_byte_s)

    def is_due(self, now: float) -> bool:
        """Tell whether it was measured for long enough to ask for more."""
        windows = 3 if self._is_doubtful else 1
        return not self.is_settled and now - self._since >= windows * self._window_s

    def more(self, now: float, received_bytes: int, streams: int, spare: int) -> int:
        """Return how many of the spare connections to add to the streams that run."""
        if not self.is_due(now):
            return 0
        speed = (received_bytes - self._bytes) / (now - self._since)
        if streams > self._streams > 0 and not self._has_helped(speed, streams):
            return 0
        self._is_doubtful = False
        self._speed, self._streams = speed, streams
        self.restart(now, received_bytes)
        goal = max(2 * streams, _FIRST_STEP if speed < _SLOW_BYTES_PER_S else 0)
        return min(spare, goal - streams)

    def _has_helped(self, speed: float, streams: int) -> bool:
        least = _GAIN * (streams / self._streams - 1)
        gain = speed / self._speed - 1 if self._speed else least
        if gain >= least:
            return True
        if self._is_doubtful:
            self.is_settled = True
            self.keep = streams if gain >= least / 2 else self._streams
        self._is_doubtful = True
        return False
