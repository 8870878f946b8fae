# shellcheck shell=bash
# Give the tests a real Prometheus, where Debian's package can be had: unpacked
# into the environment and not installed, so that no service starts. Without one
# the tests that need it are skipped, and say so. Sourced by test.sh.

readonly FETCH_SECONDS=120

prometheus_if_possible() {
  if command -v promtool >/dev/null || [[ -x $VENV/bin/promtool ]]; then return; fi
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then return; fi
  fetch_prometheus || echo "Prometheus can't be had; its tests are skipped." >&2
}

fetch_prometheus() (
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  (cd "$folder" && { download || { timeout "$FETCH_SECONDS" apt-get update && download; }; }) \
    >/dev/null 2>&1 || return
  dpkg-deb -x "$folder"/prometheus_*.deb "$folder" || return
  mv "$folder"/usr/bin/prometheus "$folder"/usr/bin/promtool "$VENV/bin/"
)

download() {
  timeout "$FETCH_SECONDS" apt-get download prometheus
}
