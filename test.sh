#!/usr/bin/env bash
# Check everything: style, types, tests on real servers. Arguments go to pytest;
# --cov also says which lines no test ran; --quick runs the tests of pure functions only;
# --localstack also installs LocalStack and runs the tests on it, which takes minutes.
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
arguments=() coverage=() quick=no
for argument in "$@"; do
  case "$argument" in
    # The last one, since it would take an argument after it for what to measure.
    --cov) coverage=(--cov) ;;
    --quick) quick=yes ;;
    --localstack)
      own_environment localstack tests/aws/localstack.lock 600
      arguments+=("$argument")
      ;;
    *) arguments+=("$argument") ;;
  esac
done
run() { "$PYTHON" -m pytest "$@" ${coverage[@]+"${coverage[@]}"}; }

if [[ $quick == yes ]]; then
  run tests/unit/functions -m "not slow" ${arguments[@]+"${arguments[@]}"}
  exit
fi
if (( ${#arguments[@]} + ${#coverage[@]} )); then
  run ${arguments[@]+"${arguments[@]}"}
  exit
fi

# All of it, in two halves at a time: most tests wait for servers most of the time. What the
# second one says is shown when the first has ended.
output="$(mktemp)"
# Not by `run`: a shell between would be stopped in its place.
"$PYTHON" -m pytest tests/e2e tests/faults >"$output" 2>&1 &
second=$!
trap 'kill "$second" 2>/dev/null; wait "$second" || true; cat "$output"; rm -f "$output"' EXIT
run --ignore=tests/e2e --ignore=tests/faults && first_code=0 || first_code=$?
wait "$second" && second_code=0 || second_code=$?
trap - EXIT
cat "$output"
rm -f "$output"
exit $((first_code ? first_code : second_code))
