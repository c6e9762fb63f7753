"""IPython's part: magics, shell commands and help, in the same namespace as plain calls."""

import sys
from types import ModuleType, TracebackType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell  # type: ignore[import-not-found, unused-ignore]
from traitlets.config import Config  # type: ignore[import-not-found, unused-ignore]

from .cells import report


class Shell(InteractiveShell):  # type: ignore[misc, unused-ignore]
    """Errors go to standard error as plain tracebacks; commands write straight to our outputs."""

    failed = False
    system = InteractiveShell.system_raw

    def showtraceback(
        self,
        exc_tuple: tuple[type, BaseException, TracebackType] | None = None,
        *_args: Any,
        **_options: Any,
    ) -> None:
        self.failed = True
        error = exc_tuple[1] if exc_tuple else sys.exc_info()[1]
        if error is not None:
            report(error)

    def showsyntaxerror(self, *_args: Any, **_options: Any) -> None:
        self.showtraceback()

    def init_sys_modules(self) -> None:
        """__main__ stays what it is."""


def make_shell(main: ModuleType) -> Shell:
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryAccessor.enabled = False
    config.InteractiveShell.colors = "NoColor"
    config.InteractiveShell.autocall = 0
    config.InteractiveShell.enable_html_pager = False
    config.TerminalInteractiveShell.simple_prompt = True
    own = ("exit", "quit", "open")
    before: dict[str, Any] = {name: main.__dict__[name] for name in own if name in main.__dict__}
    hooks = sys.excepthook, sys.displayhook
    shell: Shell = Shell.instance(config=config, user_module=main, user_ns=main.__dict__)
    # These stay Python's own: exit(3) ends a call with code 3.
    for name in own:
        main.__dict__.pop(name, None)
    main.__dict__.update(before)
    sys.excepthook, sys.displayhook = hooks
    return shell
