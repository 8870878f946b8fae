#!/usr/bin/env bash
# Tell how every component is, one line each; exit 1 when one is not healthy.
# It finds out whether containers run, or processes (`./start.sh`), or both, and
# asks what does: ./healthcheck.sh [--data DIR]
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/infra/environment.sh"
from_anywhere "${BASH_SOURCE[0]}" "$@"
source infra/containers.sh

ok=yes

tell() {
  printf '%-16s %s\n' "$1" "$2"
}

# judge SERVICE: a line for each of its containers.
judge() {
  local service=$1 container name state full
  for container in $(containers_of "$service"); do
    state=$(state_of "$container")
    name=$(docker inspect --format '{{slice .Name 1}}' "$container")
    case $state in
      healthy | running)
        tell "$service" "healthy      $name"
        full=$(refuses "$container")
        if [[ -n $full ]]; then ok=no; tell "stream EVENTS" "$full"; fi
        ;;
      finished)
        if may_finish "$service"; then
          tell "$service" "healthy      $name  finished"
        else
          ok=no
          tell "$service" "not healthy  $name  it was stopped"
        fi
        ;;
      starting) ok=no; tell "$service" "not healthy  $name  it is starting" ;;
      unhealthy) ok=no; tell "$service" "not healthy  $name  $(why "$container")" ;;
      exited*) ok=no; tell "$service" "not healthy  $name  it ended with ${state#* }" ;;
      *) ok=no; tell "$service" "not healthy  $name  it is ${state% *}, after ending with ${state#* }" ;;
    esac
  done
}

judge_containers() {
  local service
  for service in "${INFRASTRUCTURE[@]}" "${APPLICATION[@]}" "${MONITORING[@]}"; do
    if [[ -z "$(containers_of "$service")" ]]; then
      ok=no
      tell "$service" "not healthy  there is no container"
    fi
    judge "$service"
  done
  for service in "${MAY_FINISH[@]}"; do judge "$service"; done # they may be absent, too
}

# Only asks: it installs nothing, so that no question changes what runs.
judge_processes() {
  [[ -x $PYTHON ]] || die "Nothing is installed here yet: run ./start.sh first"
  "$PYTHON" -m runtime health ${ARGUMENTS[@]+"${ARGUMENTS[@]}"} || ok=no
}

containers=$(containers_of)
processes=no
if [[ -z $containers || $# -gt 0 || -e ${DATA_DIR:-.data}/run.json ]]; then processes=yes; fi
if [[ -n $containers && $processes == yes ]]; then echo "Both run: containers, then processes."; fi
if [[ -n $containers ]]; then judge_containers; fi
if [[ $processes == yes ]]; then judge_processes; fi
[[ $ok == yes ]]
