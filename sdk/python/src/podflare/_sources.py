"""What can be uploaded, as something that can be read again from an offset if that is possible."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Union, cast

PIECE = 256 * 1024

Uploadable = Union[bytes, bytearray, memoryview, str, "os.PathLike[str]", BinaryIO, Iterable[bytes]]
"""Bytes, text (as UTF-8), a ``Path`` of this machine, an open binary file, or pieces of bytes."""


class Source:
    """``size`` is None of what can be read only once."""

    def __init__(self, data: Uploadable) -> None:
        self._bytes: memoryview | None = None
        self._path: os.PathLike[str] | None = None
        self._file: BinaryIO | None = None
        self._begin = 0
        self._pieces: Iterable[bytes] = ()
        self.size: int | None = None
        if isinstance(data, str):
            data = data.encode()
        if isinstance(data, (bytes, bytearray, memoryview)):
            self._bytes = memoryview(data).cast("B")
            self.size = self._bytes.nbytes
        elif isinstance(data, os.PathLike):
            self._path = data
            self.size = os.stat(data).st_size
        elif hasattr(data, "read"):
            self._take_file(cast("BinaryIO", data))
        else:
            self._pieces = data

    def _take_file(self, file: BinaryIO) -> None:
        self._file = file
        if file.seekable():
            self._begin = file.tell()
            self.size = max(0, file.seek(0, os.SEEK_END) - self._begin)
            file.seek(self._begin)

    def pieces(self, offset: int) -> Iterator[bytes]:
        """From an offset on, which is 0 for what can be read only once."""
        if self._bytes is not None:
            for at in range(offset, self._bytes.nbytes, PIECE):
                yield bytes(self._bytes[at : at + PIECE])
        elif self._path is not None:
            with open(self._path, "rb") as file:
                file.seek(offset)
                yield from _read(file)
        elif self._file is not None:
            if self.size is not None:
                self._file.seek(self._begin + offset)
            yield from _read(self._file)
        else:
            yield from (bytes(piece) for piece in self._pieces if piece)


def _read(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
