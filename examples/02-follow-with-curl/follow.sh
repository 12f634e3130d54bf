#!/bin/sh
# Starts a tool and follows it with nothing but curl: leaves halfway through, comes back, and misses nothing.
# Usage: MILLRACE_TOKEN=… ./follow.sh PROJECT TOOL
set -eu
url=${MILLRACE_URL:-http://127.0.0.1:4000}
auth="Authorization: Bearer $MILLRACE_TOKEN"
seen=$(mktemp)
trap 'rm -f "$seen"' EXIT

echo "# Start. The answer arrives at once, however long the work takes."
id=$(curl -sS "$url/api/runs" -H "$auth" -H 'Content-Type: application/json' \
  -d "{\"kind\":\"job\",\"project\":\"$1\",\"tool\":\"$2\"}" | sed -n 's/^{"run":{"id":"\([^"]*\)".*/\1/p')
echo "$id"

echo "# Follow (-N: print events as they arrive), and leave after two of them."
curl -sN "$url/api/runs/$id/events" -H "$auth" | head -n 8

echo "# Come back with the id of the last event. The rest follows, until the run is over."
curl -sSN "$url/api/runs/$id/events" -H "$auth" -H 'Last-Event-ID: 2' | tee "$seen"
last=$(sed -n 's/^id: //p' "$seen" | tail -n 1)

echo "# Come back once more: 204 means that nothing is left, and stops a browser from reconnecting."
curl -sS -o /dev/null -w '%{http_code}\n' "$url/api/runs/$id/events" -H "$auth" -H "Last-Event-ID: $last"
