"""Gathers what the code asks for while it is followed, and judges how sure each thing is.

Owns: one finding for each thing, with its surest reading and all calls that lead to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hubmirror.hubconf.values import Text, Value
from hubmirror.scanning import sinks
from hubmirror.scanning.asking import Arguments
from hubmirror.scanning.findings import Call, Confidence, Finding, Kind, Place
from hubmirror.scanning.values import Hole, Known, Member, Pattern, key, plain, shown

_MOST_FINDINGS = 5000
_MOST_CALLS = 200
_LONGEST_URL = 2000
_URL = re.compile(r"""https?://[^\s'"<>\\^`|]+""")
_TRAILING = ".,;:)]}*"
_BLANKS = re.compile(r"[{}]|%[sd(]")  # of a template: what fills it makes the address
_WEIGHTS = re.compile(
    r"\.(?:pth|pt|pyth|ckpt|bin|safetensors|onnx|jit|th|t7|pkl|npz|h5|caffemodel|pdparams|tflite"
    r"|model|weights|msgpack|(?:pth|pt|ckpt)?\.?(?:tar|tar\.gz|tgz|zip|gz|bz2|xz))(?:\?[^#]*)?$",
    re.IGNORECASE,
)
_HOSTS = re.compile(
    r"^https?://(?:drive\.google\.com/uc\?|drive\.usercontent\.google\.com/"
    r"|[^/]*dropbox\.com/s|api\.ngc\.nvidia\.com/.*/(?:files/|zip$)|huggingface\.co/[^?]*/resolve/.+/?[^/]$)"
)
_NO_FILES = re.compile(r"\b(git|pip3?)\b")  # what these fetch is no file by its address
_ORDER = tuple(Confidence)
Key = tuple[Kind, str]


def urls_in(text: str) -> list[str]:
    """Return the addresses of weights, or of archives, that are written in a text."""
    found = (match[0].rstrip(_TRAILING) for match in _URL.finditer(text))
    whole = (url for url in found if len(url) < _LONGEST_URL and not _BLANKS.search(url))
    return [url for url in whole if _WEIGHTS.search(url) or _HOSTS.search(url)]


@dataclass(slots=True)
class Collector:
    """The ``Listener`` of a scan.

    Attributes:
        call: The call of an entrypoint that is followed now; None for code of nobody's.
        level: How sure what is seen now is at best.
        choices: What the code of this run compares its arguments with.
        seen: The keys of what this run asks for.
        modules: Patterns of modules that are imported by a name that is put together.
    """

    open_config: Callable[[Text | Pattern], Sequence[str]]
    call: Call | None = None
    level: Confidence = Confidence.LIKELY
    choices: dict[str, dict[object, Value]] = field(default_factory=dict)
    seen: set[Key] = field(default_factory=set)
    modules: list[Text | Pattern] = field(default_factory=list)
    is_full: bool = False
    _found: dict[Key, Finding] = field(default_factory=dict)
    _written: dict[str, Place] = field(default_factory=dict)
    _vague: dict[Place, Finding] = field(default_factory=dict)
    _sunk: set[Place] = field(default_factory=set)

    def begin(self, call: Call | None, level: Confidence) -> None:
        """Attribute what comes to a call."""
        self.call, self.level = call, level
        self.choices, self.seen = {}, set()

    def findings(self) -> Iterator[Finding]:
        """Go through all that was found; what nothing is known of counts where it stands alone."""
        yield from self._found.values()
        for place, finding in self._vague.items():
            if place not in self._sunk:
                yield finding

    # What the machine tells

    def called(self, name: str, arguments: Arguments, place: Place) -> None:
        """Note what a call fetches."""
        for sighting in sinks.sightings(name, arguments):
            self._note(sighting, place)

    def wrote(self, text: str, place: Place) -> None:
        """Note the addresses of weights in a string."""
        for url in urls_in(text):
            self._written.setdefault(url, place)
            self.add(Finding(Kind.URL, url, "written in code", place, Confidence.LIKELY))

    def chose(self, argument: str, choices: Sequence[Value]) -> None:
        """Note what an argument is compared with."""
        for choice in choices:
            held = self.choices.setdefault(argument, {})
            if isinstance(choice, Text | Known | Member | Pattern):
                held.setdefault(key(choice), choice)

    def imported(self, module: Value) -> None:
        """Note a module whose name is put together."""
        name = plain(module)
        if isinstance(name, Text | Pattern):
            self.modules.append(name)

    def has_heard_of(self, place: Place) -> bool:
        """Tell whether a call there was seen to fetch something, known or not."""
        return place in self._sunk or place in self._vague

    # Findings

    def _note(self, sighting: sinks.Sighting, place: Place) -> None:
        if sighting.kind is Kind.CONFIG:
            for path in self.open_config(sighting.subject):
                is_whole = isinstance(sighting.subject, Text)
                level = self.level if is_whole else Confidence.POSSIBLE
                self.add(Finding(Kind.CONFIG, path, sighting.how, place, level))
            return
        subject = sighting.subject
        text = subject.text if isinstance(subject, Text) else shown(subject)
        level = self.level
        if isinstance(subject, Pattern):
            level = Confidence.POSSIBLE
        elif sighting.is_mixed and level is Confidence.CERTAIN:
            level = Confidence.LIKELY
        written = self._written.get(text, place)
        finding = Finding(sighting.kind, text, sighting.how, written, level)
        if isinstance(subject, Pattern) and all(isinstance(one, Hole) for one in subject.parts):
            self._vague.setdefault(place, finding)
            return
        self._sunk.add(place)
        if sighting.kind is not Kind.URL or "://" in text or isinstance(subject, Pattern):
            self.add(finding)
        if sighting.kind is Kind.COMMAND and not _NO_FILES.search(text):
            for match in _URL.finditer(text):
                self.add(replace(finding, kind=Kind.URL, subject=match[0].rstrip(_TRAILING)))

    def add(self, finding: Finding) -> None:
        """Note a finding; of one thing the surest reading counts, and every call."""
        key = (finding.kind, finding.subject)
        self.seen.add(key)
        held = self._found.get(key)
        if held is None and len(self._found) >= _MOST_FINDINGS:
            self.is_full = True
            return
        best = finding if held is None else _surer(held, finding)
        calls = list(held.calls if held else ())
        for call in (*finding.calls, self.call):
            if call and len(calls) < _MOST_CALLS and not any(map(call.includes, calls)):
                calls = [one for one in calls if not one.leaves_open(call)] + [call]
        self._found[key] = replace(best, calls=tuple(calls))


def _surer(held: Finding, other: Finding) -> Finding:
    is_surer = _ORDER.index(other.confidence) < _ORDER.index(held.confidence)
    return other if is_surer else held
