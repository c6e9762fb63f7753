"""IPython's shell for an interpreter that was not warmed up: it is made as soon as something asks for it.

To load it takes a while, which plain code need not wait for. But what a notebook gives to each cell has to be there, and a
library that looks for a notebook when it is imported has to find one.
"""

import builtins
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from typing import Any

_NAMES = ("display", "get_ipython")
_LIBRARIES = frozenset(("IPython", "matplotlib", "plotly"))


class _Watch:
    """The first import of one of the libraries makes the shell."""

    def __init__(self, make: Callable[[], None]) -> None:
        self._make = make

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        if name in _LIBRARIES:
            self._make()


def prepare(make_shell: Callable[[], Any]) -> Callable[[], None]:
    """`make_shell` is called once, and calls first what this returns: it takes the stand-ins away."""
    if PathFinder.find_spec("IPython") is None:
        return lambda: None
    watch = _Watch(make_shell)
    stand_ins: dict[str, Any] = {}

    def take_away() -> None:
        if watch in sys.meta_path:
            sys.meta_path.remove(watch)
        for name, stand_in in stand_ins.items():
            if getattr(builtins, name, None) is stand_in:
                delattr(builtins, name)

    def stand_in(name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            make_shell()
            return getattr(builtins, name)(*arguments, **options)

        return call

    for name in _NAMES:
        stand_ins[name] = stand_in(name)
        setattr(builtins, name, stand_ins[name])
    sys.meta_path.insert(0, watch)
    return take_away
