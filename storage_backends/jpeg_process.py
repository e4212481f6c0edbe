"""A process that codes JPEG streams, `python -m storage_backends.jpeg_process MEMORY SECONDS`.

What comes on the standard input and goes to the standard output is byte strings, each behind its length in 4 bytes,
little endian: JPEG streams, and for each its JPEG XL file, or nothing. It has bounds of its own, since streams may be
made to exhaust who reads them: address space, and a kernel alarm that ends it even inside of a codec.
"""

import resource
import signal
import sys

from storage_backends.jpegs import frame_strings, pack_jpeg, strings_of


def main() -> None:
    """Code what comes, and end."""
    memory, seconds = map(int, sys.argv[1:3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, where the parent is told too
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(seconds)
    streams = list(strings_of(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(frame_strings([pack_jpeg(stream) for stream in streams]))


if __name__ == "__main__":
    main()
