"""Hashes small files in a process of its own: a program, run by its path, that needs no other.

A file's name is what its sha256 must be. Reads paths, each ended by a zero byte, and another one
after each batch. Answers a batch with the sum of the sizes where all is so, else with ``-`` and a
line for each path: 64 hex digits and the size, or ``!`` and the number of an error; ``!0`` is a
large file, which is not read here. Small files in threads of one interpreter wait for each other
more than they hash.
"""

import errno
import hashlib
import os
import sys

_LARGE_BYTES = 1024 * 1024
_BUFFER = memoryview(bytearray(256 * 1024))  # one for all: a new one costs more than the file


def _hash(path: bytes) -> tuple[str, int]:
    """Return the sha256 of a file and its size; or nothing and the number of an error."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            state, size = hashlib.sha256(), 0
            while count := os.readv(descriptor, (_BUFFER,)):
                state.update(_BUFFER[:count])
                size += count
                if size >= _LARGE_BYTES:
                    return "", 0
        finally:
            os.close(descriptor)
    except OSError as error:
        return "", error.errno or errno.EIO
    return state.hexdigest(), size


def _answer(paths: list[bytes]) -> str:
    found = [_hash(path) for path in paths]
    named = zip(paths, found, strict=True)
    if all(digest and path.endswith(digest.encode()) for path, (digest, _) in named):
        return f"{sum(size for _, size in found)}\n"
    lines = (f"{digest} {size}" if digest else f"!{size}" for digest, size in found)
    return "-\n" + "".join(f"{line}\n" for line in lines)


def _serve() -> None:
    rest = b""
    while block := os.read(0, 1 << 16):
        *batches, rest = (rest + block).split(b"\0\0")
        for batch in batches:
            sys.stdout.write(_answer(batch.split(b"\0")))
            sys.stdout.flush()


if __name__ == "__main__":
    _serve()
