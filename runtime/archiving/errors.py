"""What goes wrong with an archive."""


class ArchiveFailed(Exception):
    """An archive is not as it should be, or can't be reached; nothing was dropped for it."""
