"""Errors of archives."""


class ArchiveFailed(Exception):
    """An archive is wrong or can't be reached; nothing was deleted because of it."""
