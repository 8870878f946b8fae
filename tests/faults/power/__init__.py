"""The effect of a power cut, tried on a disk that loses unsynced data."""
