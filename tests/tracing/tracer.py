"""A connected host that traces, for tests: a stand-in answers for the hosts that code names."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hubmirror.manifest.entrypoints import entrypoint, parse_call
from hubmirror.resolve import Spec
from hubmirror.tracing import Options, Target, Trace, TraceReport, trace
from tests.upstream import Upstream
from tests.writer import Writer

GITHUB = "https://github.com/"


def target(spec: str, call: str) -> Target:
    return Target(Spec.parse(spec), entrypoint(parse_call(call)))


@dataclass
class Tracer:
    """A host with its mirror; whatever host is asked for, the upstream answers."""

    writer: Writer
    upstream: Upstream
    said: list[str] = field(default_factory=list)

    @property
    def manifest(self) -> Path:
        return self.writer.folder / "manifest.yaml"

    @property
    def lock(self) -> Any:  # whatever JSON holds
        return json.loads(self.manifest.with_name("manifest.yaml.lock").read_text())

    def address_of(self, url: str) -> str:
        if url.startswith(GITHUB) and url.count("/") == 4:  # a repo, and no file of it
            return self.upstream.git_url(url.removeprefix(GITHUB))
        parts = urlsplit(url)
        if parts.hostname in ("127.0.0.1", None):
            return url
        return self.upstream.url(parts.path) + (f"?{parts.query}" if parts.query else "")

    def __call__(self, *targets: Target, edit: bool = True, **chosen: Any) -> TraceReport:
        options = Options(
            manifest=self.manifest,
            edit=edit,
            notify=self.said.append,
            address_of=self.address_of,
            **chosen,
        )
        return trace(targets, self.writer.settings, options)

    def one(self, spec: str, entrypoint: str, **chosen: Any) -> Trace:
        (found,) = self(target(spec, entrypoint), **chosen).traces
        return found
