"""Prints how many durable steps were found, at the end of a run."""

from __future__ import annotations

import pytest

COUNTED = "durable steps"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        one for one in terminalreporter.stats.get("passed", ()) if hasattr(one, "user_properties")
    ]
    lines = {value for one in reports for name, value in one.user_properties if name == COUNTED}
    if lines:
        terminalreporter.section(COUNTED)
        for line in sorted(map(str, lines)):
            terminalreporter.write_line(line)
