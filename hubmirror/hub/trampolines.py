"""Sends the calls of a function elsewhere, however its callers came by it.

``from torch.hub import load_state_dict_from_url``, ``functools.partial``, torchvision and timm
hold the function itself, so a new attribute of ``torch.hub`` would not reach them. What they all
run is its ``__code__``, and that can be exchanged in one step, under running threads too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType
from typing import Any


class Trampoline:
    """Calls ``answer(arguments by name)`` in place of a function, until it is taken out.

    The function keeps its signature, defaults and docstring.

    Attributes:
        original: The function as it was, for the answer to call.
    """

    def __init__(
        self, function: FunctionType, answer: Callable[[Mapping[str, Any]], Any]
    ) -> None:  # a function of torch takes and gives anything
        self._function = function
        self._before = function.__code__
        self._helper = f"_hubmirror_{function.__name__}"
        self._answer = answer
        self._code = _bounce(function, self._helper)
        self.original = FunctionType(
            function.__code__,
            function.__globals__,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        self.original.__kwdefaults__ = function.__kwdefaults__

    def put_in(self) -> None:
        """Exchange the code."""
        self._function.__globals__[self._helper] = self._answer
        self._function.__code__ = self._code

    def take_out(self) -> bool:
        """Put the code back, unless somebody else has exchanged it since: then say False.

        The helper's name stays behind: another thread may be on its way through the code.
        """
        if self._function.__code__ is not self._code:
            return False
        self._function.__code__ = self._before
        return True


def _bounce(function: FunctionType, helper: str) -> CodeType:
    # Built from the live signature, for it differs between versions of torch. Only the names
    # matter: defaults belong to the function, not to its code.
    parameters = [
        parameter.replace(default=inspect.Parameter.empty, annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
    ]
    head = str(inspect.Signature(parameters))
    source = f"def {function.__name__}{head}:\n    return {helper}(locals())\n"
    module = compile(source, f"<hubmirror: {function.__qualname__}>", "exec")
    return next(const for const in module.co_consts if isinstance(const, CodeType))
