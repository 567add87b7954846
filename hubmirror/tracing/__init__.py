"""Runs entrypoints and scripts for real, and records what they fetch: a trace.

The parent has the network, the logins and the mirror; the child runs the code, with the loader's
own hooks, and asks for each thing over a socket. ``driver`` runs the calls in their order of
writing, ``means`` fetches, ``recorder`` answers one child and remembers, ``serving`` carries that,
``children`` starts and ends the child, ``traces`` is what was seen, ``outcome`` turns it into
manifest lines and a lock.

Never imports torch: the child does.
"""

from hubmirror.tracing.driver import trace
from hubmirror.tracing.options import Options
from hubmirror.tracing.report import TraceReport
from hubmirror.tracing.traces import Target, Trace

__all__ = ["Options", "Target", "Trace", "TraceReport", "trace"]
