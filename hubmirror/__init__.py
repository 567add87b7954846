"""Mirror PyTorch Hub across an air gap.

The offline half, for use in place of ``torch.hub``::

    import hubmirror

    model = hubmirror.load("pytorch/vision:v0.10.0", "resnet18", pretrained=True)

Every name comes in when it is first used: to import this package costs next to nothing, and
torch is imported when something is loaded.
"""

from __future__ import annotations

import builtins
import importlib

from hubmirror.version import __version__

TYPE_CHECKING = False  # typing itself would be most of what this import costs

_HOMES = {
    "Mirror": "hubmirror.mirror",
    "install": "hubmirror.hub.installing",
    "uninstall": "hubmirror.hub.installing",
}

if TYPE_CHECKING:
    from hubmirror import errors
    from hubmirror.hub.installing import install, uninstall
    from hubmirror.hub.loading import (
        download_url_to_file,
        help,
        list,
        load,
        load_state_dict_from_url,
        offline,
    )
    from hubmirror.mirror import Mirror
else:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "errors":
            return importlib.import_module("hubmirror.errors")
        home = _HOMES.get(name, "hubmirror.hub.loading")
        globals()[name] = found = getattr(importlib.import_module(home), name)
        return found


__all__ = [
    "Mirror",
    "__version__",
    "download_url_to_file",
    "errors",
    "help",
    "install",
    "list",
    "load",
    "load_state_dict_from_url",
    "offline",
    "uninstall",
]


def __dir__() -> builtins.list[str]:
    return sorted({*globals(), *__all__})
