#!/usr/bin/env bash
# Start the whole system on this machine: ./start.sh [--no-publisher] [--data DIR] [--scale NAME=N …]
# In containers: ./start.sh --docker [arguments of "docker compose up"]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source infra/environment.sh

if [[ "${1:-}" == --docker ]]; then
  shift
  [[ -f docker-compose.yml ]] || die "docker-compose.yml is missing here"
  docker compose version >/dev/null 2>&1 || die "docker compose is missing: install Docker with its compose plugin"
  exec docker compose up --build "$@"
fi

environment requirements.lock
exec "$PYTHON" -m runtime up "$@" # exec: signals reach it directly
