#!/usr/bin/env bash
# Start the whole system on this machine: ./start.sh [--no-publisher] [--data DIR] [--scale NAME=N …]
# In containers: ./start.sh --docker [--no-publisher] [--scale NAME=N …]
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/infra/environment.sh"
from_anywhere "${BASH_SOURCE[0]}" "$@"

if [[ "${1:-}" == --docker ]]; then
  shift
  exec infra/start-containers.sh "$@"
fi

environment requirements.lock
exec "$PYTHON" -m runtime up ${ARGUMENTS[@]+"${ARGUMENTS[@]}"} # exec: signals reach it directly
