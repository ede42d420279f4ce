#!/usr/bin/env python3
"""Exports traces, imports them into an empty server, exports again: equal, for Jaeger, Zipkin and OTLP.

Once through files (`traces export --out`, `traces import`), once from server to server (`--push`), and through a
standing exporter whose collector is away when the spans come and whose server is killed in between.
"""
import json, os, subprocess, sys, time, urllib.request

import servers

RANGE = ["--from", "2026-11-20T09:00:00Z", "--to", "2026-11-20T11:00:00Z"]
FORMATS = {"jaeger": "jaeger_http", "zipkin": "zipkin", "otlp": "otlp_http"}


def sluice(*arguments):
    return subprocess.run([servers.SLUICE, "traces", *arguments], check=True, stdout=subprocess.PIPE, timeout=120).stdout


def sorted_deeply(value):
    """Lists without their order: of tags, spans, resources."""
    if isinstance(value, dict):
        return {k: sorted_deeply(v) for k, v in value.items()}
    if isinstance(value, list):
        return sorted((sorted_deeply(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    return value


def documents(server, form):
    """All traces by their id, with processes put where spans name them."""
    out = {}
    for line in sluice("export", "--addr", f"http://127.0.0.1:{server.ports['jaeger_query']}", "--format", form, "--out", "-", *RANGE).splitlines():
        document = json.loads(line)
        if form == "jaeger":
            trace = document["data"][0]
            for span in trace["spans"]:
                span["process"] = trace["processes"][span.pop("processID")]
            document = trace["spans"]
        text = json.dumps(document)
        key = json.loads(text)
        first = key[0].get("traceID") or key[0].get("traceId") if isinstance(key, list) else key["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"]
        out[first.zfill(32)] = sorted_deeply(document)
    return out


def compare(name, want, got):
    wrong = [k for k in want if got.get(k) != want[k]] + [k for k in got if k not in want]
    print(f"  {'ok   ' if want and not wrong else 'WRONG'} {name}: {len(want)} traces" + (f", {len(wrong)} differ: {wrong[:3]}" if wrong else ""))
    return bool(want) and not wrong


def main():
    payloads = os.path.join(os.environ.get("SHARED", os.path.join(servers.HERE, "../../../shared")), "conformance/traces/payloads")
    if not os.path.exists(payloads):
        print("skipped: no recorded bodies")
        return 77
    entries = [e for e in json.load(open(f"{payloads}/manifest.json"))["entries"] if e["group"] == "otlp-http-proto"]

    def load(server):
        for entry in entries:
            body = open(f"{payloads}/{entry['file']}", "rb").read()
            url = f"http://127.0.0.1:{server.ports['otlp_http']}/v1/traces"
            urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": entry["content_type"]}), timeout=30).read()

    extra = "  retention: 0s\n"
    first = servers.Server("trip-first", extra)
    load(first)
    ok = True
    for form, listener in FORMATS.items():
        want = documents(first, form)
        folder = f"{servers.WORK}/trip-{form}"
        sluice("export", "--addr", f"http://127.0.0.1:{first.ports['jaeger_query']}", "--format", form, "--out", folder, "--per-file", "7", *RANGE)
        second = servers.Server(f"trip-{form}", extra)
        sluice("import", "--otlp", f"http://127.0.0.1:{second.ports['otlp_http']}", *sorted(f"{folder}/{f}" for f in os.listdir(folder)))
        ok &= compare(f"{form} through files", want, documents(second, form))
        second.stop()
        third = servers.Server(f"trip-push-{form}", extra)
        sluice("export", "--addr", f"http://127.0.0.1:{first.ports['jaeger_query']}", "--format", form, "--push", f"http://127.0.0.1:{third.ports[listener]}", *RANGE)
        ok &= compare(f"{form} by push", want, documents(third, form))
        third.stop()

    target = servers.Server("trip-target", extra)
    target.kill()
    exporters = "  trace_exporters:\n" + "".join(
        f"    - {{name: {form}, format: {form}, url: 'http://127.0.0.1:{target.ports[listener]}{path}', backoff_config: {{min_period: 50ms, max_period: 200ms}}}}\n"
        for form, listener, path in [("otlp", "otlp_http", "/v1/traces")])
    forwarding = servers.Server("trip-forwarding", extra + exporters)
    load(forwarding)
    forwarding.kill()
    target.start()
    forwarding.start()
    want = documents(first, "otlp")
    for _ in range(100):
        got = documents(target, "otlp") if json.loads(target.ask("/api/services", {}, "jaeger_query")[1])["total"] else {}
        if len(got) == len(want):
            break
        time.sleep(0.2)
    ok &= compare("otlp by a standing exporter over an outage and a kill", want, got)
    for server in (first, target, forwarding):
        server.stop()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
