"""What goes wrong with an archive."""


class ArchiveFailed(Exception):  # noqa: N818 - an outcome that the command line reports
    """An archive is not as it should be, or can't be reached; nothing was dropped for it."""
