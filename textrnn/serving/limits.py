"""What a client may ask for, and how many clients may ask at once: together they bound memory and time."""

from __future__ import annotations

BODY_BYTES = 4 << 20  # of a request
HELD_BYTES = 64 << 20  # of all requests that are read or answered at a time
TEXTS = 1000  # of a request
EXPLAINED_TEXTS = 16  # of a request with "explain"; each takes as long as some hundred predictions
WAITING = 256  # requests that wait for the thread that computes
CONNECTIONS = 500  # open at a time; many systems allow a process 1,024 files
REQUEST_SECONDS = 30.0  # to read a request, and again to answer it
IDLE_SECONDS = 15.0  # of a connection without a whole request
RETRY_SECONDS = 1  # after which a client refused with 503 is advised to try again


class Refused(Exception):
    """A request that is not answered. status: of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def too_busy() -> Refused:
    return Refused(503, f"too many requests are waiting; try again in {RETRY_SECONDS} s")
