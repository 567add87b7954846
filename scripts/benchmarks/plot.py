"""The picture of all ratios; run by the environment that has matplotlib.

One line for each peer that there is an aim against, and for each limit: a dot at the median of
the paired ratios, a bar for their spread, a mark where the aim is. Right of the mark is met.
Everything is drawn as "so many times as good", costs and memory too, on one axis.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.benchmarks import results
from scripts.benchmarks.results import Ratio, SuiteResult, paired

_MET, _BEHIND, _AIM, _PLAIN, _FAINT = "#1a7f5a", "#c0392b", "#222222", "#666666", "#e3e3e3"
_WIDTH, _LINE, _ABOVE, _BELOW = 11.0, 0.24, 0.42, 0.55  # inches
_LEFT, _RIGHT = 0.455, 0.83  # where the axes begin and end, as fractions of the width
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison; ``work`` is empty where the line above has the same."""

    work: str
    peer: str
    ratio: Ratio
    target: float
    is_cost: bool

    def shown(self, ratio: float) -> str:
        """Write a ratio; of a cost, so many times the peer's time."""
        return f"{1 / ratio if self.is_cost else ratio:.3g}x"

    @property
    def is_met(self) -> bool:
        """Whether the aim was reached."""
        return self.ratio.median >= self.target


def lines_of(suites: Sequence[SuiteResult]) -> list[Line]:
    """Gather what has an aim and was measured."""
    found = []
    for suite in suites:
        for result in suite.results:
            work = result.work
            for peer in result.peers:
                ratio = paired(result.ours.values, peer.values)
                if ratio and peer.target:
                    names = _plain(work), _plain(peer.name)
                    found.append(Line(*names, ratio, peer.target, result.is_cost))
                    work = ""
    return found


def _plain(text: str) -> str:
    return text.replace("`", "").replace("\\", "")


def draw(lines: Sequence[Line]) -> Figure:
    """Draw the lines from top to bottom."""
    mpl.rcParams.update({"font.size": 8.5, "svg.fonttype": "none"})
    height = _ABOVE + _LINE * len(lines) + _BELOW
    figure = Figure(figsize=(_WIDTH, height))
    inner = _LINE * len(lines) / height
    axes = figure.add_axes((_LEFT, _BELOW / height, _RIGHT - _LEFT, inner))
    for place, line in enumerate(lines):
        _draw_line(axes, place, line)
    _draw_frame(axes, lines)
    met = sum(line.is_met for line in lines)
    what = "dot: median of paired ratios    bar: spread    black mark: aim"
    figure.text(0.01, 1 - 0.25 / height, f"{met} of {len(lines)} aims met", weight="bold", size=11)
    figure.text(_LEFT, 1 - 0.25 / height, what, color=_PLAIN)
    return figure


def _draw_line(axes: Axes, place: int, line: Line) -> None:
    colour = _MET if line.is_met else _BEHIND
    ratio = line.ratio
    axes.plot([ratio.least, ratio.most], [place, place], color=colour, linewidth=3, alpha=0.4)
    axes.plot(line.target, place, "|", color=_AIM, markersize=11, markeredgewidth=2, zorder=2)
    axes.plot(ratio.median, place, "o", color=colour, markersize=6, zorder=3)
    weight = "normal" if line.is_met else "bold"
    unit = " time" if line.is_cost else ""
    reached = line.shown(ratio.median) + unit
    _write(axes, _RIGHT + 0.01, place, reached, color=colour, weight=weight)
    aim = f"aim {'<=' if line.is_cost else '>='} {line.shown(line.target)}"
    _write(axes, _RIGHT + 0.085, place, aim, color=_PLAIN if line.is_met else colour)
    if line.work:
        _write(axes, 0.01, place, line.work, weight="bold")
        left = (0.01 - _LEFT) / (_RIGHT - _LEFT)
        axes.axhline(place - 0.5, color=_FAINT, linewidth=0.8, xmin=left, xmax=1.4, clip_on=False)


def _write(axes: Axes, across: float, place: int, text: str, **look: str) -> None:
    """Write beside the axes, at a fraction of the figure's width."""
    fraction = (across - _LEFT) / (_RIGHT - _LEFT)
    axes.text(fraction, place, text, transform=axes.get_yaxis_transform(), va="center", **look)


def _draw_frame(axes: Axes, lines: Sequence[Line]) -> None:
    axes.set_xscale("log")
    axes.axvline(1, color=_PLAIN, linewidth=1, zorder=1)
    axes.set_yticks(range(len(lines)), [line.peer for line in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    values = [edge for line in lines for edge in (line.ratio.least, line.ratio.most, line.target)]
    least, most = min([0.5, *values]) * 0.85, max([5, *values]) * 1.15
    axes.set_xlim(least, most)
    ticks = [tick for tick in _TICKS if least <= tick <= most]
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.grid(axis="x", color="#eeeeee")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("how many times as fast as the peer, or below the limit: right is better")


def main() -> None:
    """Draw the suites named on the command line: FOLDER IMAGE SUITE..."""
    folder, image, *suites = sys.argv[1:]
    lines = lines_of([results.load(Path(folder) / f"{suite}.json") for suite in suites])
    if lines:
        without_date = {"Date": None} if image.endswith(".svg") else {}
        draw(lines).savefig(image, dpi=110, metadata=without_date)


if __name__ == "__main__":
    main()
