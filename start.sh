#!/usr/bin/env bash
# Start the whole system on this machine: ./start.sh [--no-publisher] [--data DIR] [--scale NAME=N …]
# In containers: ./start.sh --docker [--no-publisher] [--scale NAME=N …]
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/infra/environment.sh"
from_anywhere "${BASH_SOURCE[0]}" "$@"

usage() {
  cat <<'TEXT'
Usage: ./start.sh [OPTIONS]
       ./start.sh --docker [--no-publisher] [--scale NAME=N …]

  Run the whole system on this machine until Ctrl-C: broker, database, every
  function, and a publisher of test events. The first start installs packages
  into .venv. Data are kept for the next start.

Options:
  --docker        Run it in containers; ENVIRONMENT chooses development,
                  staging or production.
  --no-publisher  Send no test events.
  --torrent       Send 25,500 test events a second, not 300.
  --reload        Restart the functions whenever a source file changes.
  --data DIR      The data folder [.data].
  --scale NAME=N  Run N replicas of a function; repeatable.
  -h, --help      Show this message and exit; nothing is installed.

Settings come from the environment or .env: see .env.example.
TEXT
}

for argument in "$@"; do
  if [[ $argument == -h || $argument == --help ]]; then
    usage
    exit
  fi
done

lock=requirements.lock
for argument in "$@"; do
  if [[ $argument == --reload ]]; then lock=requirements-dev.lock; fi # it has watchfiles
done

if [[ "${1:-}" == --docker ]]; then
  shift
  exec infra/start-containers.sh "$@"
fi

environment "$lock"
exec "$PYTHON" -m runtime up ${ARGUMENTS[@]+"${ARGUMENTS[@]}"} # exec: signals reach it directly
