"""Which functions are answered in a scope, and by what.

Owns: the one set of hooks of this process, for torch.hub, threads and libraries are there once.
Each layer waits for its module: a library that nobody imports is not imported for our sake.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from hubmirror.errors import NotMirroredError
from hubmirror.hub import arrivals, guard, http_clients, hugging_face, repos, scope, weights
from hubmirror.hub.environment import Environment
from hubmirror.hub.interception import Answer, Hook, Interception, Layer
from hubmirror.hub.scope import Scope
from hubmirror.settings import OnMiss

_log = logging.getLogger(__name__)
_environment = Environment()


@dataclass(frozen=True, slots=True)
class LayerState:
    """Whether one layer answers in this process, and why not if it does not."""

    name: str
    is_active: bool
    reason: str = ""


@contextlib.contextmanager
def serving(inside: Scope) -> Iterator[Scope]:
    """Serve the code inside from a scope, with the network refused; may be nested."""
    put_in(inside)
    try:
        with scope.entered(inside):
            yield inside
    finally:
        take_out(inside)


def put_in(inside: Scope) -> None:
    """Put in place what a scope needs; each call wants one of ``take_out``."""
    guard.install()
    if not _goes_online(inside):
        _environment.put_in()
    _hooks.put_in()


def take_out(inside: Scope) -> None:
    """Take it out again, if no other scope needs it."""
    _hooks.take_out()
    if not _goes_online(inside):
        _environment.take_out()


def layers() -> tuple[LayerState, ...]:
    """Tell which layers answer on this machine, with these versions of what they stand in."""
    return tuple(_state(layer) for layer in _LAYERS)


def _state(layer: Layer) -> LayerState:
    module = sys.modules.get(layer.module)
    if module is None or arrivals.is_half_way(layer.module):
        return LayerState(layer.name, False, f"waits for {layer.module} to be imported")
    reasons = [reason for hook in layer.hooks(module) if (reason := hook.why_not())]
    return LayerState(layer.name, not reasons, "; ".join(reasons))


def _goes_online(inside: Scope) -> bool:
    return inside.on_miss is OnMiss.ONLINE


def _or_online(answer: Answer) -> Answer:
    """Let the original have what is not mirrored, where the scope says so."""

    @functools.wraps(answer)
    def either(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return answer(original, *args, **kwargs)
        except NotMirroredError:
            inside = scope.current()
            if inside is None or not _goes_online(inside):
                raise
        return original(*args, **kwargs)

    return either


# The layers ---------------------------------------------------------------------------------


def _torch_hub(hub: ModuleType) -> list[Hook]:
    state_dict, file = _or_online(weights.answer_state_dict), _or_online(weights.answer_file)
    return [
        Hook(hub, "load_state_dict_from_url", state_dict, through_code=True),
        Hook(hub, "download_url_to_file", file, through_code=True),
    ]


# A version of torch that has changed one of these loses that answer, with a warning, and keeps
# the others and the guard.
def _torch_hub_private(hub: ModuleType) -> list[Hook]:
    find, check = "_load_entry_from_hubconf", "_check_dependencies"
    return [
        Hook(hub, "_get_cache_or_reload", _or_online(repos.answer_repo), called_by="load"),
        Hook(
            hub,
            "_parse_repo_info",
            _or_online(repos.parse_spec),
            called_by="_get_cache_or_reload",
        ),
        Hook(hub, "_load_local", repos.run_repo, called_by="load"),
        Hook(hub, "_import_module", repos.import_hubconf, called_by="_load_local"),
        Hook(hub, check, repos.check_dependencies, called_by=find),
        Hook(hub, find, repos.find_entrypoint, called_by="_load_local"),
    ]


def _threading(module: ModuleType) -> list[Hook]:
    return [Hook(module.Thread, "start", _start_thread)]


def _socket(module: ModuleType) -> list[Hook]:
    return [
        Hook(module, "getaddrinfo", guard.look_up, through_code=True),
        Hook(module, "gethostbyname", guard.look_up_one),
    ]


def _urllib(module: ModuleType) -> list[Hook]:
    return [Hook(module.OpenerDirector, "open", http_clients.answer_urllib)]


def _urllib3(module: ModuleType) -> list[Hook]:
    return [Hook(module.HTTPConnectionPool, "urlopen", http_clients.answer_urllib3)]


def _httpx(module: ModuleType) -> list[Hook]:
    answer = functools.partial(http_clients.answer_httpx, module)
    in_async = functools.partial(http_clients.answer_httpx_async, module)
    return [
        Hook(module.HTTPTransport, "handle_request", answer),
        Hook(module.AsyncHTTPTransport, "handle_async_request", in_async),
    ]


def _hugging_face(module: ModuleType) -> list[Hook]:
    # Through their code: timm and transformers hold these functions themselves.
    answers = hugging_face.ANSWERS[module.__name__]
    return [Hook(module, name, answer, through_code=True) for name, answer in answers.items()]


def _undo_settings(constants: ModuleType) -> None:
    # It has read our variables, and would believe them when they are gone, and in every thread.
    if _environment.is_ours("HF_HUB_OFFLINE") and _environment.is_ours("TRANSFORMERS_OFFLINE"):
        constants.HF_HUB_OFFLINE = False  # type: ignore[attr-defined]


_LAYERS = (
    Layer("torch.hub", "torch.hub", _torch_hub),
    Layer("torch.hub's own functions", "torch.hub", _torch_hub_private),
    Layer("threads", "threading", _threading),
    Layer("name look-ups", "socket", _socket),
    Layer("urllib", "urllib.request", _urllib),
    Layer("urllib3", "urllib3.connectionpool", _urllib3),
    Layer("httpx", "httpx", _httpx),
    Layer("httpx2", "httpx2", _httpx),
    Layer("Hugging Face files", "huggingface_hub.file_download", _hugging_face),
    Layer("Hugging Face snapshots", "huggingface_hub._snapshot_download", _hugging_face),
    Layer("Hugging Face settings", "huggingface_hub.constants", _hugging_face, _undo_settings),
)
_hooks = Interception(_LAYERS)


def _start_thread(original: Callable[[threading.Thread], None], thread: threading.Thread) -> Any:
    inside = scope.current()
    if inside is not None:
        scope.carry_into(thread, inside)
    return original(thread)
