# shellcheck shell=bash
# Make .venv in the project's folder; sourced by start.sh, test.sh and
# healthcheck.sh, so that all use the same environment. It is not beside them,
# because it is not a command.
#
#   environment requirements.lock       the packages of the system
#   environment requirements-dev.lock   these, and the packages of its tests

readonly VENV=.venv
readonly PYTHON=$VENV/bin/python
readonly UNFINISHED=$VENV/unfinished # exists while packages are being installed

# Change to the project's folder, from any folder and through any link.
# A relative --data refers to the caller's folder, so it is made absolute in ARGUMENTS.
from_anywhere() {
  local script=$1 caller=$PWD follows=no argument
  shift
  cd "$(dirname "$(readlink -f "$script")")"
  ARGUMENTS=()
  for argument in "$@"; do
    if [[ $follows == yes ]]; then
      argument=$(absolute "$caller" "$argument")
    elif [[ $argument == --data=* ]]; then
      argument=--data=$(absolute "$caller" "${argument#--data=}")
    fi
    if [[ $argument == --data ]]; then follows=yes; else follows=no; fi
    ARGUMENTS+=("$argument")
  done
}

absolute() {
  if [[ $2 == /* ]]; then echo "$2"; else echo "$1/$2"; fi
}

die() {
  echo "$*" >&2
  exit 1
}

environment() {
  local lock=$1
  is_current "$lock" || locked "$lock"
}

# Only one script at a time; a script that waited may find the work done. Locking an
# existing file leaves no lock file behind.
locked() (
  if command -v flock >/dev/null; then
    exec 9<requirements.lock
    flock 9
  fi
  is_current "$1" || install "$1"
)

is_current() {
  [[ -x $PYTHON && ! -e $UNFINISHED && "$(cat "$VENV/$1" 2>/dev/null)" == "$(wanted)" ]]
}

# The inputs of an environment, including its path, because it can't be moved.
wanted() {
  cksum requirements.lock requirements-dev.lock pyproject.toml
  "$PYTHON" -V
  pwd
}

install() {
  local lock=$1 python repair=()
  python=$(find_python) || die "Python 3.11 or newer is missing: install it, then run this again"
  if ! is_new_enough "$PYTHON"; then rm -rf "$VENV"; fi
  if [[ -e $UNFINISHED ]]; then repair=(--force-reinstall); fi
  echo "Installing packages into $VENV; only the first start does." >&2
  # An interrupted installation is repaired in place: a system may be running from it.
  install_packages "$python" "$lock" ${repair[@]+"${repair[@]}"} ||
    { [[ -n ${repair[*]-} ]] && rm -rf "$VENV" && install_packages "$python" "$lock"; } ||
    die "The packages can't be installed: see the messages above"
  rm "$UNFINISHED"
  wanted >"$VENV/$lock"
  if [[ $lock == requirements-dev.lock ]]; then wanted >"$VENV/requirements.lock"; fi # it holds both
}

install_packages() {
  install_with_uv "$@" || install_with_pip "$@"
}

find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    if is_new_enough "$name"; then
      echo "$name"
      return
    fi
  done
  return 1
}

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

install_with_uv() {
  command -v uv >/dev/null || return
  [[ -x $PYTHON ]] || uv venv --quiet --python "$1" "$VENV" || return
  touch "$UNFINISHED"
  uv pip install --quiet --python "$PYTHON" --compile-bytecode "${@:3}" --require-hashes -r "$2" &&
    uv pip install --quiet --python "$PYTHON" --no-deps --no-build-isolation -e .
}

install_with_pip() {
  [[ -x $PYTHON ]] || make_venv "$1"
  touch "$UNFINISHED"
  pip_of "$1" install "${@:3}" --require-hashes -r "$2" &&
    pip_of "$1" install --no-deps --no-build-isolation -e .
}

# Debian has venv and its pip in separate packages.
make_venv() {
  local why
  why=$("$1" -m venv "$VENV" 2>&1 >/dev/null) && return
  rm -rf "$VENV"
  "$1" -m virtualenv --quiet "$VENV" 2>/dev/null && return
  rm -rf "$VENV"
  if "$1" -m pip --version >/dev/null 2>&1 && "$1" -m venv --without-pip "$VENV" 2>/dev/null; then
    return
  fi
  rm -rf "$VENV"
  if "$1" -c 'import venv, ensurepip' 2>/dev/null; then
    die "No environment can be created in $PWD/$VENV: ${why##*$'\n'}"
  fi
  die "Python's venv is missing: install python3-venv (Debian, Ubuntu) or uv, then run this again"
}

pip_of() {
  local python=$1
  shift
  local quiet=(--quiet)
  if [[ -t 2 ]]; then quiet=(); fi
  if "$PYTHON" -m pip --version >/dev/null 2>&1; then
    "$PYTHON" -m pip ${quiet[@]+"${quiet[@]}"} --disable-pip-version-check "$@" >&2
  else
    "$python" -m pip --python "$PYTHON" ${quiet[@]+"${quiet[@]}"} --disable-pip-version-check "$@" >&2
  fi
}
