#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# worker-runner-static.sh [FILE]: writes worker-runner's provider configuration at boot, for an instance that provisiond
# launched with "registration": "static" (docs/registration.md). Needs curl, jq and openssl; run it as root before
# worker-runner starts, and keep the metadata service away from tasks: the user data holds the grant's secret.
set -eu
out=${1:-/etc/taskcluster/worker-runner.yml}
service=${METADATA_SERVICE:-http://169.254.169.254}
umask 077

token=$(curl -fsS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$service/latest/api/token")
metadata() { curl -fsS -H "X-aws-ec2-metadata-token: $token" "$service/latest/$1"; }

data=$(metadata user-data)
id=$(metadata meta-data/instance-id)
grant_secret=$(printf %s "$data" | jq -er .workerRunner.grantSecret)
static_secret=$(printf %s "$id" | openssl dgst -sha256 -mac HMAC -macopt "key:$grant_secret" -binary |
    openssl base64 -A | tr '+/=' '-_A')
printf %s "$data" | jq --arg id "$id" --arg secret "$static_secret" \
    '{provider: (.workerRunner | del(.grantSecret) + {workerID: $id, staticSecret: $secret})}' >"$out"
