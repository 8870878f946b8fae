"""What a power cut takes away, tried on a disk that forgets what was never synced."""
