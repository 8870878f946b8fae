"""`eps logs`: show lines as `eps up` does, to a terminal, a file or a pipe."""

import os
import signal
import sys
from collections.abc import Collection
from pathlib import Path

import click

from runtime.local.logs.files import log_folder, logged
from runtime.local.logs.form import of_process, readable
from runtime.local.logs.output import colour_of, prefix
from runtime.local.logs.reader import Line, LogReader, is_read, matching
from runtime.local.supervisor.settings import LocalSettings


class UnknownLog(Exception):
    """There is no such log."""


def show_logs(
    data_dir: Path, wanted: Collection[str], *, follow: bool, tail: int | None, is_json: bool
) -> None:
    """Write lines to standard output; a reader that leaves ends it, as it ends ``cat``.

    Args:
        data_dir: Of which `eps up`.
        wanted: Names of processes or functions; empty for all.
        follow: Whether to continue with new lines.
        tail: How many lines of each process at most; None for all that are kept.
        is_json: Whether lines are written as they are stored.

    Raises:
        UnknownLog: Nothing has run there, or nothing of that name.
    """
    folder = log_folder(data_dir)
    names = _known(folder, wanted)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    writer = _Writer(names, is_json=is_json)
    reader = LogReader(folder, wanted)
    try:
        for line in reader.there(tail):
            writer.write(line)
        writer.flush()
        for each in reader.follow(_is_read) if follow else ():
            if each is None:
                writer.flush()
            else:
                writer.write(each)
    finally:
        reader.close()


def _known(folder: Path, wanted: Collection[str]) -> list[str]:
    known = logged(folder)
    if not known:
        raise UnknownLog(f"{folder.resolve().parent} has no logs: nothing has run on it yet")
    for name in wanted:
        if not matching(folder, [name]):
            raise UnknownLog(f"{name} has no log in {folder.resolve()}: {', '.join(known)}")
    return matching(folder, wanted)


def _is_read() -> bool:
    return is_read(sys.stdout.fileno())


class _Writer:
    def __init__(self, names: list[str], *, is_json: bool) -> None:
        self._names = names
        self._width = max(map(len, names))
        self._is_json = is_json
        self._is_coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def write(self, line: Line) -> None:
        name, text = line[0], line[1].decode("utf-8", "replace")
        if self._is_json:
            sys.stdout.buffer.write(f"{of_process(name, text)}\n".encode())
            return
        head = self._head(name)
        shown = head + readable(text).replace("\n", "\n" + head) + "\n"
        sys.stdout.buffer.write(shown.encode("utf-8", "replace"))

    def flush(self) -> None:
        sys.stdout.buffer.flush()

    def _head(self, name: str) -> str:
        if name not in self._names:
            self._names.append(name)
            self._width = max(self._width, len(name))
        place = self._names.index(name)
        return prefix(name, self._width, colour_of(place) * self._is_coloured)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--follow", "-f", is_flag=True, help="Keep printing new lines, until Ctrl-C.")
@click.option("--tail", "-n", type=click.IntRange(0), help="Only the last N lines of each process.")
@click.option(
    "--json", "is_json", is_flag=True, help="Print the lines as they are stored, as JSON."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Data folder of the `eps up` [.data]."
)
def logs(
    *, names: tuple[str, ...], follow: bool, tail: int | None, is_json: bool, data: Path | None
) -> None:
    """Show the logs of the processes of `eps up`, in order of time.

    NAME is a process or a function with all its replicas: gateway,
    fb-collector-2, nats, postgres, eps for the supervisor itself.
    """
    folder = data or LocalSettings.load().data_dir
    try:
        show_logs(folder, names, follow=follow, tail=tail, is_json=is_json)
    except UnknownLog as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        sys.exit(130)
