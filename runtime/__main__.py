"""Run the command line: ``python -m runtime``."""

from runtime.cli import main

main()
