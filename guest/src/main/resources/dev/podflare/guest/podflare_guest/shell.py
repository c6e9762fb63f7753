"""IPython's part: magics, shell commands, help and displays, in the same namespace as plain calls."""

import builtins
import os
import sys
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Any

from IPython.core.displaypub import DisplayPublisher  # type: ignore[import-not-found, unused-ignore]
from IPython.core.interactiveshell import InteractiveShell  # type: ignore[import-not-found, unused-ignore]
from IPython.display import display  # type: ignore[import-not-found, unused-ignore]
from traitlets.config import Config  # type: ignore[import-not-found, unused-ignore]

from . import charts
from .cells import report

# Takes kind, forms and the display's name; False: nobody wants to see it.
Show = Callable[[str, dict[str, Any], str | None], bool]

TABLE_ROWS = 1000


class Publisher(DisplayPublisher):  # type: ignore[misc, unused-ignore]
    """What `display` shows goes to the host as a value, or, where no values are wanted, as plain text."""

    show: Show

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        source: Any = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **options: Any,
    ) -> None:
        name = (transient or {}).get("display_id")
        if not self.show("update" if update else "display", data, name) and "text/plain" in data:
            print(data["text/plain"])

    def clear_output(self, wait: bool = False) -> None:
        self.show("clear", {"application/json": {"wait": True}} if wait else {}, None)


class ZmqLikeShell(InteractiveShell):  # type: ignore[misc, unused-ignore]
    """Errors go to standard error as plain tracebacks; commands write straight to our outputs.

    By the letters in its name pandas knows that what it prints is shown in a notebook and not in a terminal.
    """

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

    def forms(self, value: Any) -> dict[str, Any]:
        """By mime type; empty if it has shown itself."""
        forms: dict[str, Any] = self.display_formatter.format(value)[0]
        return forms

    def call_ended(self) -> None:
        """Figures that were drawn and not shown are shown, as in a notebook."""
        if self.events.callbacks["post_execute"]:
            self.events.trigger("post_execute")


def make_shell(main: ModuleType, show: Show) -> ZmqLikeShell:
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
    Publisher.show = staticmethod(show)  # type: ignore[assignment]
    ZmqLikeShell.display_pub_class = Publisher
    shell: ZmqLikeShell = ZmqLikeShell.instance(config=config, user_module=main, user_ns=main.__dict__)
    # These stay Python's own: exit(3) ends a call with code 3.
    for name in own:
        main.__dict__.pop(name, None)
    main.__dict__.update(before)
    sys.excepthook, sys.displayhook = hooks
    # Not IPython's own trap, which takes exit and quit away.
    builtins.get_ipython = shell.get_ipython  # type: ignore[attr-defined]
    builtins.display = display  # type: ignore[attr-defined]
    # As in a notebook; Matplotlib reads it when it is first used.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    # As data, and as a page that fetches Plotly itself: with all of it each figure had 5 MB.
    os.environ.setdefault("PLOTLY_RENDERER", "plotly_mimetype+notebook_connected")
    bundles = shell.display_formatter.mimebundle_formatter
    bundles.for_type_by_name("matplotlib.figure", "Figure", charts.figure_forms)
    for module in ("pandas", "pandas.core.frame"):  # from pandas 3 on; before
        bundles.for_type_by_name(module, "DataFrame", _table_forms)
    return shell


def _table_forms(table: Any, **_options: Any) -> dict[str, Any]:
    """Rows as records, besides the HTML that the table makes itself."""
    import json

    if len(table) > TABLE_ROWS:
        return {}
    try:
        return {"application/json": json.loads(table.to_json(orient="records", date_format="iso"))}
    except (ValueError, TypeError, OverflowError):
        return {}
