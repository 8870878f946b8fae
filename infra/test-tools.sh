# shellcheck shell=bash
# Provide tools for tests that are not in the lock file: an emulator of AWS and the platforms'
# SDKs, whose packages conflict with this project's versions, and Debian packages without a
# Python equivalent. These are unpacked into the environment and not installed, so that no service
# starts. Tests whose tool is missing are skipped, and say so. Sourced by test.sh.
#
#   ministack    an emulator of AWS that runs functions: tests/aws
#   localstack   another emulator, only for --localstack: tests/aws
#   sender-sdks  the platforms' own clients: tests/contract
#   prometheus   a real server and promtool: tests/monitoring
#   libfuse3     for a disk that loses unsynced data: tests/faults/power
#   chromium     a browser for the reporter's pages: tests/pages; it is installed,
#                because it can't be unpacked with its dependencies

readonly FETCH_SECONDS=120

test_tools_if_possible() {
  own_environment ministack tests/aws/ministack.lock ||
    echo "ministack can't be installed; tests of the whole stack on it are skipped." >&2
  own_environment sender-sdks tests/contract/sender_sdks.lock ||
    echo "The platforms' SDKs can't be installed; tests with them are skipped." >&2
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then return; fi
  has_prometheus || fetched prometheus move_prometheus ||
    echo "Prometheus can't be installed; its tests are skipped." >&2
  has_libfuse || fetched libfuse3-3 move_libfuse || fetched libfuse3-4 move_libfuse ||
    echo "libfuse3 can't be installed; tests of power cuts are skipped." >&2
  has_chromium || install_chromium ||
    echo "Chromium can't be installed; browser tests are skipped." >&2
}

# own_environment NAME LOCK [SECONDS]: a separate environment; the lock file is copied last, as a
# sign that it is complete.
own_environment() {
  local folder=$VENV/$1
  if cmp -s "$2" "$folder/lock"; then return; fi
  rm -rf "$folder"
  "$PYTHON" -m venv "$folder" >/dev/null 2>&1 &&
    timeout "${3:-$FETCH_SECONDS}" "$folder/bin/python" -m pip install --quiet --require-hashes \
      -r "$2" >/dev/null 2>&1 &&
    cp "$2" "$folder/lock"
}

has_chromium() {
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null
}

install_chromium() {
  timeout "$FETCH_SECONDS" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends chromium >/dev/null 2>&1 </dev/null
}

has_prometheus() {
  command -v promtool >/dev/null || [[ -x $VENV/bin/promtool ]]
}

move_prometheus() {
  mv "$1"/usr/bin/prometheus "$1"/usr/bin/promtool "$VENV/bin/"
}

# Without the device it is of no use.
has_libfuse() {
  [[ ! -c /dev/fuse || -e $VENV/lib/libfuse3.so ]] ||
    "$PYTHON" -c 'from ctypes.util import find_library; exit(not find_library("fuse3"))'
}

move_libfuse() {
  local library
  library=$(find "$1" -name 'libfuse3.so.3.*' -o -name 'libfuse3.so.4.*')
  cp -L "$library" "$VENV/lib/libfuse3.so"
}

# Unpack a Debian package, and pass its folder to a function.
fetched() (
  package=$1 folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  (cd "$folder" && { download || { timeout "$FETCH_SECONDS" apt-get update && download; }; }) \
    >/dev/null 2>&1 || return
  dpkg-deb -x "$folder/$package"_*.deb "$folder" || return
  "$2" "$folder"
)

download() {
  timeout "$FETCH_SECONDS" apt-get download "$package"
}
