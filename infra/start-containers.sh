#!/usr/bin/env bash
# ./start.sh --docker: stop running containers, then start all in order, waiting for each.
#
#   --no-publisher   send no test events
#   --scale NAME=N   run N replicas of a function; repeatable
#
# ENVIRONMENT (development, staging, production), from the environment or .env,
# adds compose.<it>.yml; if it is unset, only docker-compose.yml is used.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source infra/environment.sh
source infra/containers.sh

usage() {
  echo "usage: ./start.sh --docker [--no-publisher] [--scale NAME=N …]" >&2
  exit 2
}

publisher=yes
scale=()
while (($#)); do
  case $1 in
    --no-publisher) publisher=no ;;
    --scale) [[ "${2:-}" =~ ^[a-z-]+=[0-9]+$ ]] || usage; scale+=("$2"); shift ;;
    --scale=*) [[ "${1#*=}" =~ ^[a-z-]+=[0-9]+$ ]] || usage; scale+=("${1#*=}") ;;
    *) usage ;;
  esac
  shift
done
for pair in ${scale[@]+"${scale[@]}"}; do
  [[ " ${SCALABLE[*]} " == *" ${pair%%=*} "* ]] ||
    { echo "--scale $pair: NAME is one of ${SCALABLE[*]}" >&2; exit 2; }
done
need_docker

# setting NAME: print its value from the environment, or else from .env, as compose reads it.
setting() {
  local line
  line=$([[ -f .env ]] && grep -E "^$1=" .env | tail -n 1) || true
  line=${line#*=}
  echo "${!1:-${line//[\"\']/}}"
}

web=http
environment=$(setting ENVIRONMENT)
case $environment in
  "") ;;
  development) export COMPOSE_FILE=docker-compose.yml:compose.development.yml ;;
  staging | production)
    export COMPOSE_FILE=docker-compose.yml:compose.staging.yml
    if [[ $environment == production ]]; then COMPOSE_FILE+=:compose.production.yml; fi
    [[ -d secrets ]] || die "the folder secrets is missing: create it with infra/make-secrets.sh"
    publisher=no # no test events there
    web=https
    ;;
  *) die "ENVIRONMENT should be development, staging or production, not $environment" ;;
esac

# Pass arguments to "up". The scales are given each time, because other replicas would be removed.
start() {
  local service=$1 arguments=() pair
  for pair in ${scale[@]+"${scale[@]}"}; do
    if [[ ${pair%%=*} == "$service" ]]; then arguments=(--scale "$pair"); fi
  done
  compose up -d --no-deps ${arguments[@]+"${arguments[@]}"} "$service" >>"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "$service can't be started"
  }
}

# Stop waiting for a container that ends.
wait_for() {
  local service=$1 began=$SECONDS container state
  for container in $(containers_of "$service"); do
    while state=$(state_of "$container"); do
      case $state in
        healthy | running) break ;;
        finished) may_finish "$service" && break || failed "$service" "$container" "it was stopped" ;;
        exited* | dead*) failed "$service" "$container" "it ended: $state" ;;
        restarting*)
          if (($(docker inspect --format '{{.RestartCount}}' "$container") >= MOST_RESTARTS)); then
            failed "$service" "$container" "it ends again and again"
          fi
          ;;
      esac
      if ((SECONDS - began > START_SECONDS)); then
        failed "$service" "$container" "not ready within $START_SECONDS s: $state"
      fi
      sleep 0.5
    done
  done
  printf '  %-15s ready after %d s\n' "$service" "$((SECONDS - began))"
}

failed() {
  docker logs --tail 20 "$2" >&2 || true
  die "$1: $3"
}

run_in_order() {
  local service
  for service in "$@"; do start "$service"; done
  for service in "$@"; do wait_for "$service"; done
}

# Wait until the edge has found a replica of each function, so that each port answers.
wait_until_complete() {
  local began=$SECONDS edge
  edge=$(containers_of edge)
  until docker exec "$edge" wget -q -O /dev/null http://127.0.0.1:8404/complete 2>>"$log"; do
    if ((SECONDS - began > START_SECONDS)); then
      failed edge "$edge" "it did not find every function within $START_SECONDS s"
    fi
    sleep 0.5
  done
}

# Values for the image's labels; without git the revision is unknown.
VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
REVISION=${REVISION:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}
CREATED=${CREATED:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}
export VERSION REVISION CREATED

log=$(mktemp)
trap 'rm -f "$log"' EXIT

echo "Stopping the running containers"
compose down --remove-orphans >>"$log" 2>&1 || { tail -n 20 "$log" >&2; die "it can't be stopped"; }
echo "Building the image"
compose build migrate >>"$log" 2>&1 || { tail -n 40 "$log" >&2; die "the image can't be built"; }
echo "Starting the infrastructure"
run_in_order "${INFRASTRUCTURE[@]}"
run_in_order migrate
echo "Starting the application"
run_in_order gateway
run_in_order fb-collector ttk-collector dead-letters
run_in_order reporter
run_in_order edge
wait_until_complete
echo "Starting the monitoring"
run_in_order prometheus
run_in_order grafana
if [[ $publisher == yes ]]; then
  echo "Starting the publisher"
  run_in_order publisher
fi

# published SERVICE PORT: print its address on this machine; nothing if it is not published.
published() {
  compose port "$1" "$2" 2>/dev/null | sed 's/^0\.0\.0\.0:/localhost:/; s/^127\.0\.0\.1:/localhost:/; s/^:0$//' || true
}

line() {
  local name=$1 address=$2
  if [[ -n $address ]]; then printf '  %-15s %s\n' "$name" "$3$address${4:-}"; fi
}

echo
echo "Everything is ready:"
line gateway "$(published edge 3001)" $web:// /api
line reporter "$(published edge 3004)" $web:// /api
line fb-collector "$(published edge 3002)" http:// /health/ready
line ttk-collector "$(published edge 3003)" http:// /health/ready
line dead-letters "$(published edge 3005)" http:// /health/ready
line grafana "$(published grafana 3000)" http://
line prometheus "$(published prometheus 9090)" http://
line postgres "$(published postgres 5432)" postgresql:// /eventdb
line nats "$(published nats 4222)" nats://
echo
echo "Health: ./healthcheck.sh   Logs: docker compose logs -f   Stop and keep the data: docker compose down"
