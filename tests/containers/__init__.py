"""The compose file on a Docker engine: `./test.sh tests/containers --containers`."""
