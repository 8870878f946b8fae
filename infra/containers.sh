# shellcheck shell=bash
# Functions for running in containers; sourced by start-containers.sh and healthcheck.sh,
# after environment.sh.

# In starting order: each step needs only the steps before it. The edge is last, because
# start-containers.sh waits until it has found a replica of each function.
readonly INFRASTRUCTURE=(postgres nats)
readonly APPLICATION=(gateway fb-collector ttk-collector dead-letters reporter edge)
readonly MONITORING=(prometheus grafana)

readonly MAY_FINISH=(migrate publisher)
readonly SCALABLE=(gateway fb-collector ttk-collector dead-letters reporter)

readonly START_SECONDS=180 # for one service, including recovery after a crash
readonly MOST_RESTARTS=5   # a service that ended this often during its start will not recover

# The plugin, or the older command if only that is installed.
compose() {
  if docker compose version >/dev/null 2>&1; then
    docker compose "$@"
  else
    docker-compose "$@"
  fi
}

need_docker() {
  command -v docker >/dev/null || die "Docker is missing: install it with its compose plugin"
  docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null ||
    die "docker compose is missing: install Docker's compose plugin"
  docker info >/dev/null 2>&1 || die "The Docker engine can't be reached: is it running, and may you use it?"
}

# containers_of [SERVICE]: print the ids of this folder's containers, running or not.
containers_of() {
  local filters=(--filter "label=com.docker.compose.project.working_dir=$PWD")
  if [[ -n "${COMPOSE_PROJECT_NAME:-}" ]]; then
    filters+=(--filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
  fi
  if [[ -n "${1:-}" ]]; then filters+=(--filter "label=com.docker.compose.service=$1"); fi
  docker ps --all --quiet --no-trunc "${filters[@]}" 2>/dev/null || true
}

# state_of CONTAINER: "healthy", "starting", "unhealthy", "running" for one without
# a check, "finished", or "exited 3", "restarting 1" and the like.
state_of() {
  docker inspect --format '{{with .State -}}
    {{- if eq .Status "running" -}}
      {{- if .Health}}{{.Health.Status}}{{else}}running{{end -}}
    {{- else if and (eq .Status "exited") (eq .ExitCode 0)}}finished
    {{- else}}{{.Status}} {{.ExitCode}}{{end -}}
  {{end}}' "$1"
}

may_finish() {
  [[ " ${MAY_FINISH[*]} " == *" $1 "* ]]
}

# why CONTAINER: print the output of its last health check, in one line.
why() {
  docker inspect --format '{{with .State.Health}}{{range .Log}}{{.Output}}{{println}}{{end}}{{end}}' "$1" |
    sed '/^[[:space:]]*$/d' | tail -n 1
}

# refuses CONTAINER: print the last output of a healthy container that has no room for events
# (FULL in runtime/cli/probe.py); otherwise nothing.
refuses() {
  docker inspect --format '{{with .State.Health}}{{range .Log}}next{{println}}{{.Output}}{{println}}{{end}}{{end}}' "$1" |
    awk '/^next$/ { said = "" } /^full: / { said = $0 } END { if (said) print said }'
}
