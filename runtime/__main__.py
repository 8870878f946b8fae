"""Run the command line: ``eps``, also ``python -m runtime``."""

import sys

_INTERRUPTED = 128 + 2


def main() -> None:
    """Run the command line; Ctrl-C ends it quietly while its modules are still being imported."""
    try:
        from runtime.cli.main import main as run  # noqa: PLC0415 - takes a second
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
