#!/usr/bin/env bash
# Start the whole system on this machine: ./start.sh [--no-publisher] [--data DIR] [--scale NAME=N …]
# In containers: ./start.sh --docker [--no-publisher] [--scale NAME=N …]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if [[ "${1:-}" == --docker ]]; then
  shift
  exec infra/start-containers.sh "$@"
fi

source infra/environment.sh
environment requirements.lock
exec "$PYTHON" -m runtime up "$@" # exec: signals reach it directly
