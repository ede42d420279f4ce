#!/bin/bash
# The main job, end to end, on the samples: what `make run` does after building.
#
# Starts server and agent with pipeline.yml, writes samples/ into the files that the agent tails
# (times moved to now), sends a set of traces, and shows what the store answers. With ONCE=1 it ends
# there, with status 0 only if every answer was right; else it goes on serving until Ctrl-C.
#
#   SLUICE_DATA=DIR   where server, agent and live files are kept (default ./data)
#   OUT=DIR           where the exported traces go (default ./out)
set -euo pipefail
cd "$(dirname "$0")/.."
sluice=.build/release/sluice
export SLUICE_DATA=${SLUICE_DATA:-./data} HOSTNAME=${HOSTNAME:-$(uname -n)}
live=$SLUICE_DATA/live
out=${OUT:-./out}
log=$SLUICE_DATA/sluice.log
failures=0

title() { if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi; }
show() {
  local word
  printf '$ sluice'
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./:=-]*) printf " '%s'" "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  "$sluice" "$@" || { printf '  WRONG status %s\n' $?; failures=$((failures + 1)); }
}
check() { # check WHAT GOT WANTED
  if [ "$2" = "$3" ]; then
    printf '  ok    %s: %s\n' "$1" "$2"
  else
    printf '  WRONG %s: %s, should be %s\n' "$1" "$2" "$3"
    failures=$((failures + 1))
  fi
}
# The one number that an instant query answers; 0 where nothing matches.
number() {
  local answer
  answer=$("$sluice" query --instant --output raw "$1" 2>/dev/null) || answer=
  echo "${answer:-0}"
}
lines_of() { number "sum(count_over_time({job=\"$1\"}[24h]))"; }

mkdir -p "$live" "$out"
"$sluice" check-config pipeline.yml
"$sluice" run --config pipeline.yml 2>"$log" &
pid=$!
stop() {
  trap - EXIT INT TERM
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  exit "${1:-0}"
}
trap 'stop 130' INT TERM
trap 'stop 1' EXIT
for _ in $(seq 200); do
  curl -fsS -o /dev/null http://127.0.0.1:3100/ready 2>/dev/null && break
  kill -0 "$pid" 2>/dev/null || {
    echo "sluice ended at its start; the end of $log:" >&2
    tail -n 5 "$log" >&2
    trap - EXIT
    exit 1
  }
  sleep 0.1
done

declare -A file=([cam-os]=app.log [nginx]=access.log [auth]=auth.log [worker]=worker.log)
declare -A before
for job in "${!file[@]}"; do before[$job]=$(lines_of "$job"); done
guesses='sum(count_over_time({job="auth"} |= "Failed password" [24h]))'
guesses_before=$(number "$guesses")

title "Shipping samples/ through the agent, times moved to now"
show replay --otlp http://127.0.0.1:4318 --trace-ids "$live/trace-ids" samples/traces.otlp.json
show replay --into "$live" --rename-traces "$live/trace-ids" samples/app.log samples/access.log samples/auth.log samples/worker.log
for job in cam-os nginx auth worker; do
  wanted=$((before[$job] + $(wc -l <"samples/${file[$job]}")))
  for _ in $(seq 240); do
    [ "$(lines_of "$job")" = "$wanted" ] && break
    sleep 0.25
  done
  check "lines of $job in the store" "$(lines_of "$job")" "$wanted"
done
check "failed passwords" "$(number "$guesses")" \
  $((guesses_before + $(grep -c 'Failed password' samples/auth.log)))

title "Asking for logs"
show labels
show query --limit 4 '{job="cam-os", level="ERROR"} | json | line_format "{{.component}}/{{.syscall}} of {{.caller_id}}: {{.error}}"'
show query --limit 3 '{job="nginx", status=~"5.."} |~ "POST|GET"'
show query --limit 3 '{job="worker"} | logfmt | level="error" | took > 5s'
show query --instant --output table 'sum by (level) (count_over_time({job="cam-os"}[24h]))'
show query --instant --output table 'topk(3, sum by (component) (count_over_time({job="cam-os"} | json | latency_ms > 20 [24h])))'
show query --since 1h --step 15m --output table 'sum by (program) (rate({job="auth"}[15m]))'
journal=$(lines_of journal)
if [ "$journal" != 0 ]; then
  show query --limit 3 '{job="journal"}'
else
  echo "  (this host has no journal to read)"
fi

title "Asking for traces"
# The sixth trace of the set is one that failed.
trace=$(sed -n 6p "$live/trace-ids")
show traces search --service syscall-dispatcher --limit 4
show traces get --logs "$trace"
show traces export --id "$trace" --format jaeger --out "$out"
show traces export --id "$trace" --format zipkin --out "$out"
spans=$(grep -o "\"traceId\":\"$(sed -n 6p "$live/trace-ids.source")\"" samples/traces.otlp.json | wc -l)
check "spans in the Jaeger JSON" "$(grep -o '"operationName"' "$out/$trace.jaeger.json" | wc -l)" "$spans"
check "spans in the Zipkin JSON" "$(grep -o '"localEndpoint"' "$out/$trace.zipkin.json" | wc -l)" "$spans"

title "Where things are"
"$sluice" check-config --addresses pipeline.yml
printf '  exported traces: %s\n  data: %s\n  log: %s\n' "$out" "$SLUICE_DATA" "$log"

if [ "$failures" != 0 ]; then
  echo "$failures answers were not what they should be" >&2
  stop 1
fi
[ -z "${ONCE:-}" ] || { echo "All answers are right."; stop 0; }
echo "Serving until Ctrl-C."
wait "$pid"
