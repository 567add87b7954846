"""Which functions are answered in a scope, and by what.

Owns: the one set of hooks of this process, for torch.hub and threads are there once.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from hubmirror.hub import guard, repos, scope, torch_door, weights
from hubmirror.hub.interception import Hook, Interception
from hubmirror.hub.notices import warn_once
from hubmirror.hub.scope import Scope

_log = logging.getLogger(__name__)
_making = threading.Lock()

# Private functions of torch.hub, who calls each, and the answer. A version of torch that has
# changed one loses that answer, with a warning, and keeps the others and the guard.
_PRIVATE = (
    ("_get_cache_or_reload", "load", repos.answer_repo),
    ("_parse_repo_info", "_get_cache_or_reload", repos.parse_spec),
    ("_load_local", "load", repos.run_repo),
    ("_import_module", "_load_local", repos.import_hubconf),
    ("_check_dependencies", "_load_entry_from_hubconf", repos.check_dependencies),
    ("_load_entry_from_hubconf", "_load_local", repos.find_entrypoint),
)


@contextlib.contextmanager
def serving(inside: Scope) -> Iterator[Scope]:
    """Serve the code inside from a scope, with the network refused; may be nested."""
    guard.install()
    with _making:  # threads that are all the first must not hook one over the other
        interception = _interception()
    with interception.in_force(), scope.entered(inside):
        yield inside


@functools.cache
def _interception() -> Interception:
    hub = torch_door.hub()
    hooks = [
        Hook(hub, "load_state_dict_from_url", weights.answer_state_dict, through_code=True),
        Hook(hub, "download_url_to_file", weights.answer_file, through_code=True),
        Hook(threading.Thread, "start", _start_thread),
    ]
    for name, caller, answer in _PRIVATE:
        if _calls(hub, caller, name):
            hooks.append(Hook(hub, name, answer))
        else:
            warn_once(
                _log,
                "torch %s: torch.hub has no %s any more, so that is not answered",
                torch_door.version(),
                name,
            )
    return Interception(hooks)


def _calls(hub: Any, caller: str, name: str) -> bool:
    code = getattr(inspect.unwrap(getattr(hub, caller)), "__code__", None)
    return hasattr(hub, name) and (code is None or name in code.co_names)


def _start_thread(original: Callable[[threading.Thread], None], thread: threading.Thread) -> Any:
    inside = scope.current()
    if inside is not None:
        scope.carry_into(thread, inside)
    return original(thread)
