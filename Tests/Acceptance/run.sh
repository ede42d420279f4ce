#!/bin/bash
# Drives the release binary from outside: the demonstration, recorded answers, real clients, real
# daemons, and crashes. Each part prints its findings; the last line is 'N passed, M failed'.
#
#   Tests/Acceptance/run.sh            all parts
#   Tests/Acceptance/run.sh PART...    some of them, by the names below
#
# A part that lacks what it needs (recorded answers, PyPI, root) says so and is counted as skipped.
set -uo pipefail
cd "$(dirname "$0")/../.."
export SLUICE=$PWD/.build/release/sluice
export SHARED=${SLUICE_SHARED:-$PWD/../shared}
export WORK
WORK=$(mktemp -d "${TMPDIR:-/tmp}/sluice-acceptance.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
venv=$PWD/.build/acceptance-venv
passed=0 failed=0 skipped=0

# A part ends with 0 (passed), 77 (skipped) or anything else (failed).
part() {
  local name=$1 status
  shift
  if [ -n "${only:-}" ] && [[ " $only " != *" $name "* ]]; then return; fi
  printf '\n--- %s\n' "$name"
  "$@"
  status=$?
  case $status in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)); printf 'FAILED: %s (status %s)\n' "$name" "$status" ;;
  esac
}

# Python clients from PyPI, installed once into the build folder.
clients() {
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || return 77
  "$venv/bin/python" -c 'import grpc, opentelemetry.exporter.otlp.proto.grpc, opentelemetry.exporter.otlp.proto.http, opentelemetry.exporter.zipkin.json, py_zipkin, pygelf, requests, cramjam' 2>/dev/null && return 0
  "$venv/bin/pip" install -q --disable-pip-version-check grpcio opentelemetry-sdk \
    opentelemetry-exporter-otlp-proto-grpc opentelemetry-exporter-otlp-proto-http \
      opentelemetry-exporter-zipkin-json py-zipkin pygelf requests cramjam \
    || { echo "skipped: PyPI's clients cannot be installed"; return 77; }
}

demonstration() {
  SLUICE_DATA=$WORK/demo OUT=$WORK/out ONCE=1 samples/demo.sh >"$WORK/demo.log" 2>&1 || {
    cat "$WORK/demo.log"
    return 1
  }
  grep -c '  ok ' "$WORK/demo.log" | sed 's/$/ answers checked/'
}

# Pipelines and relabelling as recorded from Promtail's and Prometheus's own code.
stages() {
  [ -f "$SHARED/conformance/stages/run.py" ] || { echo "skipped: no recorded cases"; return 77; }
  python3 "$SHARED/conformance/stages/run.py" "$SLUICE"
}

# The Jaeger exporter stopped in 2023: it gets a folder of its own with the SDK of its time.
jaeger_client() {
  local old=$PWD/.build/jaeger-venv
  [ -x "$old/bin/python" ] || python3 -m venv "$old" || return 77
  "$old/bin/python" -W ignore -c 'import opentelemetry.exporter.jaeger.thrift' 2>/dev/null \
    || "$old/bin/pip" install -q --disable-pip-version-check opentelemetry-exporter-jaeger-thrift \
      'opentelemetry-sdk==1.21.0' 'opentelemetry-api==1.21.0' \
      'opentelemetry-semantic-conventions==0.42b0' deprecated 'setuptools<81' \
    || { echo "skipped: Jaeger's exporter cannot be installed"; return 77; }
  "$old/bin/python" -W ignore Tests/Acceptance/jaeger-thrift-client.py
}

# The json stage's JMESPath against the library of PyPI.
jmespath_library() {
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || return 77
  "$venv/bin/python" -c 'import jmespath' 2>/dev/null \
    || "$venv/bin/pip" install -q --disable-pip-version-check jmespath \
    || { echo "skipped: PyPI's jmespath cannot be installed"; return 77; }
  "$venv/bin/python" Tests/Acceptance/jmespath-differential.py
}

with_clients() { clients || return $?; "$venv/bin/python" "$@"; }

only="$*"
part demonstration demonstration
part conformance python3 Tests/Acceptance/conformance.py
part loki-recordings python3 Tests/Acceptance/loki_recordings.py
part logcli-recordings python3 Tests/Acceptance/logcli_recordings.py
part command-line python3 Tests/Acceptance/command_line.py
part stages stages
part jmespath jmespath_library
part bad-input python3 Tests/Acceptance/bad_input.py
part bad-spans python3 Tests/Acceptance/bad_spans.py
part trace-conformance with_clients Tests/Acceptance/trace_conformance.py
part trace-round-trip python3 Tests/Acceptance/trace_round_trip.py
part trace-exporter-tls python3 Tests/Acceptance/trace-exporter-tls.py
part log-clients with_clients Tests/Acceptance/real-log-clients.py
part trace-clients with_clients Tests/Acceptance/real-trace-clients.py
part trace-refusals with_clients Tests/Acceptance/trace-refusals.py
part jaeger-client jaeger_client
part package packaging/check
part tenant-retention python3 Tests/Acceptance/tenant_retention.py
part kills python3 Tests/Acceptance/kill-harness.py 15 --verify-every 5
part span-kills python3 Tests/Acceptance/span-kill-harness.py 15 --verify-every 5
part full-disk python3 Tests/Acceptance/full-disk.py 4
part syslog-senders python3 Tests/Acceptance/syslog-senders.py
part agent-sources with_clients Tests/Acceptance/agent-sources.py
part rotation python3 Tests/Acceptance/rotation-harness.py --lines 60000 --kills 3 --away 5
part journald python3 Tests/Acceptance/journald-harness.py --entries 200 --kills 3

printf '\n%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
