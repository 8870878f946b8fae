#!/usr/bin/env bash
# Check everything: style, types, tests on real servers. Arguments go to pytest;
# --cov also says which lines no test ran.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
source infra/environment.sh
source infra/test-tools.sh

if [[ "${CI:-}" == true ]]; then export NO_COLOR=1; fi

environment requirements-dev.lock
test_tools_if_possible
"$PYTHON" -m ruff check
"$PYTHON" -m ruff format --check
"$PYTHON" -m mypy
arguments=() coverage=()
for argument in "$@"; do
  # The last one, since it would take an argument after it for what to measure.
  if [[ $argument == --cov ]]; then coverage=(--cov); else arguments+=("$argument"); fi
done
exec "$PYTHON" -m pytest ${arguments[@]+"${arguments[@]}"} ${coverage[@]+"${coverage[@]}"}
