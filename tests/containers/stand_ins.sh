#!/usr/bin/env bash
# Make local images under the public names that infra/Dockerfile and
# docker-compose.yml use, where no image registry can be reached:
#
#   sudo tests/containers/stand_ins.sh [DEBIAN_MIRROR]
#
# It needs root, debootstrap, a Docker engine with BuildKit, Debian's packages and PyPI.
# See stand_ins.Dockerfile for what is real and what is not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
readonly ROOT=../..

# pinned NAME: the image of that name as the project's files pin it.
pinned() {
  sed -nE "s#^(ARG PYTHON_IMAGE=| +image: )($1:.*)#\\2#p" \
    $ROOT/infra/Dockerfile $ROOT/docker-compose.yml
}

base=$(pinned python)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if ! docker image inspect "$base" >/dev/null 2>&1; then
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv \
    trixie "$folder" ${1:+"$1"}
  ln -s /usr/bin/python3 "$folder/usr/local/bin/python"
  rm -r "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/*
  # What this machine trusts, so that a package index of its own is trusted, too.
  cp -L /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
  tar -C "$folder" -c . | docker import --change \
    'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' - "$base"
fi

for name in postgres nats haproxy prom/prometheus grafana/grafana; do
  image=$(pinned "$name")
  DOCKER_BUILDKIT=1 docker build --network=host --build-arg BASE="$base" --build-arg PIP_INDEX_URL \
    --target "${name#*/}" -t "$image" -f stand_ins.Dockerfile .
done
