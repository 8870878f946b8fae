#!/usr/bin/env bash
# Show the health of each component, one per line; exit code 1 if one is not healthy.
# It checks containers, processes of `./start.sh`, or both, whichever run:
# ./healthcheck.sh [--data DIR]
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/infra/environment.sh"
from_anywhere "${BASH_SOURCE[0]}" "$@"
source infra/containers.sh

ok=yes

report() {
  printf '%-16s %s\n' "$1" "$2"
}

# judge SERVICE: print a line for each of its containers.
judge() {
  local service=$1 container name state full
  for container in $(containers_of "$service"); do
    state=$(state_of "$container")
    name=$(docker inspect --format '{{slice .Name 1}}' "$container")
    case $state in
      healthy | running)
        report "$service" "healthy      $name"
        full=$(refuses "$container")
        if [[ -n $full ]]; then ok=no; report "stream EVENTS" "$full"; fi
        ;;
      finished)
        if may_finish "$service"; then
          report "$service" "healthy      $name  finished"
        else
          ok=no
          report "$service" "not healthy  $name  it was stopped"
        fi
        ;;
      starting) ok=no; report "$service" "not healthy  $name  it is starting" ;;
      unhealthy) ok=no; report "$service" "not healthy  $name  $(why "$container")" ;;
      exited*) ok=no; report "$service" "not healthy  $name  it ended with ${state#* }" ;;
      *) ok=no; report "$service" "not healthy  $name  it is ${state% *} after ending with ${state#* }" ;;
    esac
  done
}

judge_containers() {
  local service
  for service in "${INFRASTRUCTURE[@]}" "${APPLICATION[@]}" "${MONITORING[@]}"; do
    if [[ -z "$(containers_of "$service")" ]]; then
      ok=no
      report "$service" "not healthy  there is no container"
    fi
    judge "$service"
  done
  for service in "${MAY_FINISH[@]}"; do judge "$service"; done # these may be absent
}

# It installs nothing, so that a health check changes nothing.
judge_processes() {
  [[ -x $PYTHON ]] || die "Nothing is installed yet: run ./start.sh first"
  "$PYTHON" -m runtime health ${ARGUMENTS[@]+"${ARGUMENTS[@]}"} || ok=no
}

containers=$(containers_of)
processes=no
if [[ -z $containers || $# -gt 0 || -e ${DATA_DIR:-.data}/run.json ]]; then processes=yes; fi
if [[ -n $containers && $processes == yes ]]; then echo "Containers and processes are both running. Containers first:"; fi
if [[ -n $containers ]]; then judge_containers; fi
if [[ $processes == yes ]]; then judge_processes; fi
[[ $ok == yes ]]
