"""Become another program that ends when the one that started it does.

Run as a script: ``child.py PARENT_PID USER SIGNAL COMMAND…``. It imports only
the standard library, so that it costs milliseconds, and is a program rather
than a ``preexec_fn``, which is not safe in a process with threads.
"""

import ctypes
import os
import pwd
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _end_with_parent(parent: int, number: int) -> None:
    """Ask the kernel for a signal when the parent ends; only Linux can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we could ask
        sys.exit(1)


def main() -> None:
    """Do as the arguments say; never returns."""
    parent, user, number, *command = sys.argv[1:]
    if user:
        _become(user)
    _end_with_parent(int(parent), int(number))  # after the change of user, which clears it
    for default in (signal.SIGINT, signal.SIGPIPE):  # signals that Python or a shell has changed
        signal.signal(default, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is the supervisor's own
    except OSError as error:
        sys.exit(f"{command[0]} can't be started: {error.strerror}")


if __name__ == "__main__":
    main()
