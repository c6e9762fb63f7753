"""Code that is too large for one message is kept in a file of the run folder."""

import os

# Larger code is handed on by file: messages to the interpreter and arguments of a process have limits.
INLINE_LIMIT = 48 << 10
MAX_CODE = 256 << 20


def write_code(folder: str, name: str, code: bytes) -> str:
    path = os.path.join(folder, name)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(code)
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        discard(path)
        raise
    finally:
        os.close(fd)
    return path


def discard(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


class Upload:
    """Code that arrives in pieces. After a write error the rest is swallowed, `error` says why."""

    def __init__(self, folder: str, number: int, size: int, request: dict[str, object]) -> None:
        self.request = request
        self.path = os.path.join(folder, f"call-{number}")
        self.error: str | None = None
        self._left = size
        self._fd = -1
        try:
            if not 0 <= size <= MAX_CODE:
                raise OSError(f"code of {size} bytes")
            self._fd = os.open(
                self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            self.error = str(error)

    def add(self, data: bytes) -> bool:
        """Whether the code is whole now."""
        self._left -= len(data)
        if self._left < 0:
            self.error = "more code than announced"
        try:
            view = memoryview(data)
            while view and self.error is None:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            self.error = str(error)
        if self._left > 0:
            return False
        self.close()
        return True

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self.error is not None:
            discard(self.path)
