"""CloudEvents over HTTP: for platforms that deliver events by calling functions."""
