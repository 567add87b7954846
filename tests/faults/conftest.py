"""Each scenario, run once without a fault; and how many durable steps were found, at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import scenarios
from tests.faults.scenarios import Known
from tests.faults.victims import Runner
from tests.upstream import Upstream

COUNTED = "durable steps"


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as running:
        yield running


@pytest.fixture(scope="module", params=scenarios.ALL, ids=lambda one: one.__name__)
def known(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, runner: Runner
) -> Iterator[Known]:
    folder = tmp_path_factory.mktemp(request.param.__name__)
    with Upstream(folder / "upstream") as upstream:
        yield scenarios.run_once(request.param(folder, upstream), folder / "clean", runner)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        one for one in terminalreporter.stats.get("passed", ()) if hasattr(one, "user_properties")
    ]
    lines = {value for one in reports for name, value in one.user_properties if name == COUNTED}
    if lines:
        terminalreporter.section(COUNTED)
        for line in sorted(map(str, lines)):
            terminalreporter.write_line(line)
