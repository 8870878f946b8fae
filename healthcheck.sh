#!/usr/bin/env bash
# Tell how every component is, one line each; exit 1 when one is not healthy.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source infra/environment.sh

environment requirements.lock
exec "$PYTHON" -m runtime health "$@"
