#!/usr/bin/env bash
# Create the files that compose.staging.yml and compose.production.yml mount, in ./secrets:
# passwords, keys, a certificate authority and the certificates that it signs.
# Existing files are kept; delete a file to have it created again.
#
#   infra/make-secrets.sh [NAME OF THIS MACHINE …]   names that clients of the edge use
#
# Only the owner can enter the folder. Its files are readable by all, because a
# container reads them as another user.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly DAYS=825

mkdir -p secrets
chmod 700 secrets
cd secrets

# once FILE COMMAND…: write the output of COMMAND to FILE, unless it exists; all or nothing.
once() {
  local file=$1
  shift
  if [[ -e $file ]]; then return; fi
  "$@" >"$file.new"
  chmod 644 "$file.new"
  mv "$file.new" "$file"
  echo "made secrets/$file"
}

# Letters and digits only, because they are part of URLs.
password() { openssl rand -hex 24; }
key() { openssl rand -hex 32; }
private_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null; }

authority() {
  openssl req -x509 -new -key ca.key -days "$DAYS" -subj "/CN=event-processing-system" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
}

# certificate NAME ALTERNATIVE…
certificate() {
  local name=$1 names
  shift
  names=$(printf 'DNS:%s,' "$name" "$@")
  openssl req -new -key "$name.key" -subj "/CN=$name" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -days "$DAYS" \
      -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "${names%,}") 2>/dev/null
}

database_url() {
  local who=$1 secret=$2
  echo "postgresql://$who:$(<"$secret")@postgres:5432/eventdb?sslmode=verify-full&sslrootcert=/run/secrets/ca.crt"
}

nats_url() { echo "tls://$1:$(<"nats_$1_password")@nats:4222"; }

nats_passwords() {
  local who
  for who in gateway collector operator; do
    # With the quotes: NATS reads the value as configuration.
    echo "NATS_${who^^}_PASSWORD='\"$(<"nats_${who}_password")\"'"
  done
}

once ca.key private_key
chmod 600 ca.key # no container gets it
once ca.crt authority
for name in postgres nats edge; do once "$name.key" private_key; done
once postgres.crt certificate postgres
once nats.crt certificate nats
once edge.crt certificate edge localhost "$@"
once edge.pem cat edge.crt edge.key

for name in postgres collector_database reporter_database operator_database grafana \
  nats_gateway nats_collector nats_operator; do once "${name}_password" password; done
once migrate_database_url database_url postgres postgres_password
for name in collector reporter operator; do
  once "${name}_database_url" database_url "eps_${name}_login" "${name}_database_password"
done
for name in gateway collector; do once "${name}_nats_url" nats_url "$name"; done
once nats_passwords nats_passwords
for name in ingest reporter operator; do once "${name}_api_keys" key; done
once user_key_pepper key
