"""Turns the source of a call into code objects, and errors into tracebacks of user code only."""

import __future__

import ast
import linecache
import os
import re
import sys
import traceback
from collections import deque
from collections.abc import Callable
from types import CodeType, TracebackType

FUTURE_FLAGS = 0
for _name in __future__.all_feature_names:
    FUTURE_FLAGS |= getattr(__future__, _name).compiler_flag
AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
COROUTINE = 0x80
# Sources kept for tracebacks; functions of older calls lose their source lines, nothing else.
KEPT_CELLS = 500
KEPT_CHARACTERS = 16 << 20
# Sources of calls are named "<call 17>".
CALL_NAME = "<call "
_MAGIC = re.compile(r"^\s*[%!?]|\?\s*$|=\s*[!%]", re.MULTILINE)
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep

Transform = Callable[[str], str]


class Cells:
    """One thread. `transform`: makes plain Python of IPython's syntax; SyntaxError if it cannot."""

    def __init__(self, transform: Transform) -> None:
        self._transform = transform
        self._flags = 0
        self._kept: deque[tuple[str, int]] = deque()
        self._kept_characters = 0

    def compile(
        self, source: str, filename: str, split: bool
    ) -> tuple[CodeType | None, CodeType | None]:
        """Body and last expression; the latter only with `split`, and where there is one."""
        self._keep(source, filename)
        flags = self._flags
        try:
            if not split:
                code = compile(source, filename, "exec", flags, True)
                self._flags |= code.co_flags & FUTURE_FLAGS
                return code, None
            return self._split(source, filename, flags)
        except SyntaxError as error:
            return self._compile_special(source, filename, split, error)

    def _compile_special(
        self, source: str, filename: str, split: bool, error: SyntaxError
    ) -> tuple[CodeType | None, CodeType | None]:
        """Top-level await and IPython's syntax, neither of which plain Python compiles."""
        try:
            return self._split(source, filename, self._flags | AWAIT, split)
        except SyntaxError:
            if not _MAGIC.search(source):
                raise error from None
        try:
            plain = self._transform(source)
        except ImportError:
            raise error from None
        self._keep(plain, filename)
        return self._split(plain, filename, self._flags | AWAIT, split)

    def _split(
        self, source: str, filename: str, flags: int, split: bool = True
    ) -> tuple[CodeType | None, CodeType | None]:
        tree = compile(source, filename, "exec", flags | ast.PyCF_ONLY_AST, True)
        last = None
        if split and tree.body and isinstance(tree.body[-1], ast.Expr):
            if not source.rstrip().endswith(";"):
                expression = ast.Expression(tree.body.pop().value)
                last = compile(expression, filename, "eval", flags, True)
        body = compile(tree, filename, "exec", flags, True) if tree.body else None
        if body is not None:
            self._flags |= body.co_flags & FUTURE_FLAGS
        return body, last

    def _keep(self, source: str, filename: str) -> None:
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        self._kept.append((filename, len(source)))
        self._kept_characters += len(source)
        while len(self._kept) > 1 and (
            len(self._kept) > KEPT_CELLS or self._kept_characters > KEPT_CHARACTERS
        ):
            old, size = self._kept.popleft()
            self._kept_characters -= size
            if old != filename:
                linecache.cache.pop(old, None)


def user_traceback(trace: TracebackType | None) -> TracebackType | None:
    """Without the interpreter's own frames at either end."""
    first = trace
    while first is not None and not first.tb_frame.f_code.co_filename.startswith(CALL_NAME):
        first = first.tb_next
    while first is None and trace is not None and _is_own(trace):
        trace = trace.tb_next
    trace = last = first or trace
    while last is not None and last.tb_next is not None:
        if _is_own(last.tb_next) and last.tb_next.tb_next is None:
            last.tb_next = None
        else:
            last = last.tb_next
    return trace


def _is_own(trace: TracebackType) -> bool:
    return trace.tb_frame.f_code.co_filename.startswith(_OWN_FOLDER)


def report(error: BaseException) -> None:
    """Writes the traceback to standard error, whatever the user did to it, and keeps it for pdb.pm()."""
    error.__traceback__ = user_traceback(error.__traceback__)
    sys.last_type, sys.last_value = type(error), error
    sys.last_traceback = error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    if sys.excepthook is not sys.__excepthook__:
        try:
            sys.excepthook(type(error), error, error.__traceback__)
            return
        except Exception:
            pass
    try:
        if type(error).__name__ == "UsageError" and type(error).__module__.startswith("IPython."):
            error = error.with_traceback(None)
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except Exception:
        text = f"{type(error).__name__} (its traceback cannot be shown)\n"
    write_error(text)


def write_error(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while data:
                data = data[os.write(2, data) :]
        except OSError:
            pass
