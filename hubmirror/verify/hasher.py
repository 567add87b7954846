"""Hashes small files in a process of its own: a program, run by its path, that needs no other.

A file's name is what its sha256 must be. Reads paths, each ended by a zero byte, and another one
after each batch. Answers a batch with the sum of the sizes where all is so, else with ``-`` and a
line for each path: 64 hex digits and the size, ``!`` and the number of an error, or nothing for a
file of as many bytes as its argument says, which is not hashed here. Small files in threads of one
interpreter wait for each other more than they hash.
"""

import errno
import hashlib
import os
import sys

_BUFFER = memoryview(bytearray(256 * 1024))  # one for all: a new one costs more than the file


def _answer(path: bytes, large_bytes: int) -> tuple[str, int]:
    """Return the line for a file, without its size where it has one; and its size."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            state, size = hashlib.sha256(), 0
            while count := os.readv(descriptor, (_BUFFER,)):
                if count == len(_BUFFER) and os.fstat(descriptor).st_size >= large_bytes:
                    return "", 0
                state.update(_BUFFER[:count])
                size += count
        finally:
            os.close(descriptor)
    except OSError as error:
        return f"!{error.errno or errno.EIO}", 0
    return state.hexdigest(), size


def _answer_all(paths: list[bytes], large_bytes: int) -> str:
    found = [_answer(path, large_bytes) for path in paths]
    named = zip(paths, found, strict=True)
    if all(line and path.endswith(line.encode()) for path, (line, _) in named):
        return f"{sum(size for _, size in found)}\n"
    lines = (f"{line} {size}" if len(line) == 64 else line for line, size in found)
    return "-\n" + "".join(f"{line}\n" for line in lines)


def _serve(large_bytes: int) -> None:
    rest = b""
    while block := os.read(0, 1 << 16):
        *batches, rest = (rest + block).split(b"\0\0")
        for batch in batches:
            sys.stdout.write(_answer_all(batch.split(b"\0"), large_bytes))
            sys.stdout.flush()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
