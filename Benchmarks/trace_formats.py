#!/usr/bin/env python3
"""Sends the same spans in each of the formats that Sluice takes and reads the server's CPU time for each.

  trace_formats.py [SLUICE] [--spans 100000] [--times 3] [--format NAME ...]

Bodies of 1,000 spans over one connection, each format to a server of its own. The time is that of
the whole server: receiving, decoding, storing. OTLP's protobuf is stored as it comes, so what a
format takes beyond it is the cost of that format.
"""
import argparse, http.client, json, os, random, signal, socket, struct, subprocess, sys, tempfile, time

START_US = 1795236000 * 10**6
SERVICES = ["checkout", "payments", "catalog", "frontend", "shipping"]


def spans(count, seed):
    """Plain dictionaries: a trace of ten spans after the other."""
    rng = random.Random(seed)
    out = []
    for n in range(count):
        if n % 10 == 0:
            trace, ids = rng.getrandbits(128), []
        ids.append(rng.getrandbits(64) | 1)
        service = SERVICES[n % 5]
        tags = {"http.request.method": "GET", "http.route": f"/api/v1/{service}/{{id}}", "url.path": f"/api/v1/{service}/{rng.randrange(10**6)}",
                "user.id": f"user-{rng.randrange(10**5)}", "server.address": f"{service}.prod.internal", "net.host.port": "8080",
                "http.response.status_code": str(rng.choice([200, 200, 200, 404, 500])), "session": f"{rng.getrandbits(64):016x}"}
        out.append({"trace": trace, "id": ids[-1], "parent": ids[0] if len(ids) > 1 else 0, "service": service, "name": f"GET /api/v1/{service}",
                    "start": START_US + n * 150, "duration": rng.randrange(50, 200000), "server": n % 2 == 0, "tags": tags,
                    "event": "cache miss" if n % 4 == 0 else None})
    return out


def by_service(items):
    groups = {}
    for s in items:
        groups.setdefault(s["service"], []).append(s)
    return groups.items()


def varint(v):
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    out.append(v)
    return bytes(out)


def block(number, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def fixed(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def number(field, value):
    return varint(field << 3) + varint(value)


def otlp_protobuf(items):
    attribute = lambda k, v: block(1, k) + block(2, block(1, v))
    body = b""
    for service, group in by_service(items):
        inner = block(1, block(1, "bench"))
        for s in group:
            inner += block(2, block(1, s["trace"].to_bytes(16, "big")) + block(2, s["id"].to_bytes(8, "big")) + (block(4, s["parent"].to_bytes(8, "big")) if s["parent"] else b"")
                           + block(5, s["name"]) + number(6, 2 if s["server"] else 3) + fixed(7, s["start"] * 1000) + fixed(8, (s["start"] + s["duration"]) * 1000)
                           + b"".join(block(9, attribute(k, v)) for k, v in s["tags"].items())
                           + (block(11, fixed(1, s["start"] * 1000) + block(2, s["event"])) if s["event"] else b""))
        body += block(1, block(1, block(1, attribute("service.name", service))) + block(2, inner))
    return body


def otlp_json(items):
    attribute = lambda k, v: {"key": k, "value": {"stringValue": v}}
    def span(s):
        out = {"traceId": f"{s['trace']:032x}", "spanId": f"{s['id']:016x}"}
        if s["parent"]:
            out["parentSpanId"] = f"{s['parent']:016x}"
        out |= {"name": s["name"], "kind": 2 if s["server"] else 3, "startTimeUnixNano": str(s["start"] * 1000), "endTimeUnixNano": str((s["start"] + s["duration"]) * 1000),
                "attributes": [attribute(k, v) for k, v in s["tags"].items()], "status": {}}
        if s["event"]:
            out["events"] = [{"timeUnixNano": str(s["start"] * 1000), "name": s["event"]}]
        return out
    return compact({"resourceSpans": [{"resource": {"attributes": [attribute("service.name", service)]}, "scopeSpans": [{"scope": {"name": "bench"}, "spans": [span(s) for s in group]}]}
                                      for service, group in by_service(items)]})


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def zipkin_json(items):
    def span(s):
        out = {"traceId": f"{s['trace']:032x}", "id": f"{s['id']:016x}", "kind": "SERVER" if s["server"] else "CLIENT", "name": s["name"], "timestamp": s["start"], "duration": s["duration"],
               "localEndpoint": {"serviceName": s["service"], "ipv4": "10.1.2.3"}, "tags": s["tags"]}
        if s["parent"]:
            out["parentId"] = f"{s['parent']:016x}"
        if s["event"]:
            out["annotations"] = [{"timestamp": s["start"], "value": s["event"]}]
        return out
    return compact([span(s) for s in items])


def zipkin_v1_json(items):
    def span(s):
        endpoint = {"serviceName": s["service"], "ipv4": "10.1.2.3", "port": 0}
        marks = ("sr", "ss") if s["server"] else ("cs", "cr")
        out = {"traceId": f"{s['trace']:032x}", "id": f"{s['id']:016x}", "name": s["name"], "timestamp": s["start"], "duration": s["duration"],
               "annotations": [{"timestamp": s["start"] + (s["duration"] if i else 0), "value": v, "endpoint": endpoint} for i, v in enumerate(marks)],
               "binaryAnnotations": [{"key": k, "value": v, "endpoint": endpoint} for k, v in s["tags"].items()]}
        if s["parent"]:
            out["parentId"] = f"{s['parent']:016x}"
        return out
    return compact([span(s) for s in items])


def zipkin_protobuf(items):
    return b"".join(block(1, block(1, s["trace"].to_bytes(16, "big")) + (block(2, s["parent"].to_bytes(8, "big")) if s["parent"] else b"") + block(3, s["id"].to_bytes(8, "big"))
                                + number(4, 2 if s["server"] else 1) + block(5, s["name"]) + fixed(6, s["start"]) + number(7, s["duration"]) + block(8, block(1, s["service"]) + block(2, bytes([10, 1, 2, 3])))
                                + (block(10, fixed(1, s["start"]) + block(2, s["event"])) if s["event"] else b"")
                                + b"".join(block(11, block(1, k) + block(2, v)) for k, v in s["tags"].items())) for s in items)


class Thrift:
    """The binary protocol."""
    i16 = staticmethod(lambda f, v: struct.pack(">bhh", 6, f, v))
    i32 = staticmethod(lambda f, v: struct.pack(">bhi", 8, f, v))
    i64 = staticmethod(lambda f, v: struct.pack(">bhQ", 10, f, v))
    bool = staticmethod(lambda f, v: struct.pack(">bhb", 2, f, v))
    text = staticmethod(lambda f, v: struct.pack(">bhi", 11, f, len(v.encode())) + v.encode())
    structure = staticmethod(lambda f, v: struct.pack(">bh", 12, f) + v + b"\0")
    items = staticmethod(lambda v: struct.pack(">bi", 12, len(v)) + b"".join(x + b"\0" for x in v))
    list = staticmethod(lambda f, v: struct.pack(">bh", 15, f) + Thrift.items(v))


def jaeger_thrift(items):
    """A batch has one process: all spans count as one service's."""
    t, mask = Thrift, (1 << 64) - 1
    tag = lambda k, v: t.text(1, k) + t.i32(2, 0) + t.text(3, v)
    batch = t.structure(1, t.text(1, items[0]["service"]))
    batch += t.list(2, [t.i64(1, s["trace"] & mask) + t.i64(2, s["trace"] >> 64) + t.i64(3, s["id"]) + t.i64(4, s["parent"]) + t.text(5, s["name"]) + t.i32(7, 1) + t.i64(8, s["start"]) + t.i64(9, s["duration"])
                        + t.list(10, [tag(k, v) for k, v in s["tags"].items()] + [tag("span.kind", "server" if s["server"] else "client")])
                        + (t.list(11, [t.i64(1, s["start"]) + t.list(2, [tag("event", s["event"])])]) if s["event"] else b"") for s in items])
    return batch + b"\0"


def zipkin_v1_thrift(items):
    t, mask = Thrift, (1 << 64) - 1
    def span(s):
        endpoint = t.i32(1, 0x0a010203) + t.i16(2, 0) + t.text(3, s["service"])
        marks = ("sr", "ss") if s["server"] else ("cs", "cr")
        return (t.i64(1, s["trace"] & mask) + t.text(3, s["name"]) + t.i64(4, s["id"]) + (t.i64(5, s["parent"]) if s["parent"] else b"")
                + t.list(6, [t.i64(1, s["start"] + (s["duration"] if i else 0)) + t.text(2, v) + t.structure(3, endpoint) for i, v in enumerate(marks)])
                + t.list(8, [t.text(1, k) + t.text(2, v) + t.i32(3, 6) + t.structure(4, endpoint) for k, v in s["tags"].items()])
                + t.i64(10, s["start"]) + t.i64(11, s["duration"]) + t.i64(12, s["trace"] >> 64))
    return t.items([span(s) for s in items])


FORMATS = {
    "otlp-protobuf": (otlp_protobuf, "otlp_http", "/v1/traces", "application/x-protobuf"),
    "otlp-json": (otlp_json, "otlp_http", "/v1/traces", "application/json"),
    "jaeger-thrift": (jaeger_thrift, "jaeger_http", "/api/traces", "application/x-thrift"),
    "zipkin-json": (zipkin_json, "zipkin", "/api/v2/spans", "application/json"),
    "zipkin-protobuf": (zipkin_protobuf, "zipkin", "/api/v2/spans", "application/x-protobuf"),
    "zipkin-v1-json": (zipkin_v1_json, "zipkin", "/api/v1/spans", "application/json"),
    "zipkin-v1-thrift": (zipkin_v1_thrift, "zipkin", "/api/v1/spans", "application/x-thrift"),
}
LISTENERS = ["loki", "otlp_grpc", "otlp_http", "zipkin", "jaeger_http", "jaeger_compact", "jaeger_binary", "jaeger_query", "tempo"]


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(binary, name, bodies, times):
    _, listener, path, content_type = FORMATS[name]
    sockets = [socket.socket() for _ in LISTENERS]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = dict(zip(LISTENERS, (s.getsockname()[1] for s in sockets)))
    for s in sockets:
        s.close()
    with tempfile.TemporaryDirectory(prefix="sluice-bench.") as folder:
        listen = "".join(f"    {k}: 127.0.0.1:{v}\n" for k, v in ports.items())
        with open(f"{folder}/server.yml", "w") as f:
            f.write(f"server:\n  data_dir: {folder}/data\n  retention: 0s\n  listen:\n{listen}")
        with open(f"{folder}/log", "w") as log:
            server = subprocess.Popen([binary, "server", "--config", f"{folder}/server.yml"], stdout=log, stderr=log)
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", ports[listener]), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            connection = http.client.HTTPConnection("127.0.0.1", ports[listener])
            def send(body):
                connection.request("POST", path, body, {"content-type": content_type})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status not in (200, 202):
                    sys.exit(f"{name}: {answer.status} {text[:200]}")
            send(bodies[0])
            before = cpu_seconds(server.pid)
            for _ in range(times):
                for body in bodies:
                    send(body)
            return cpu_seconds(server.pid) - before
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sluice", nargs="?", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.build/release/sluice"))
    p.add_argument("--spans", type=int, default=100_000)
    p.add_argument("--times", type=int, default=3)
    p.add_argument("--format", action="append", choices=FORMATS)
    a = p.parse_args()
    parts = [spans(1000, n) for n in range(a.spans // 1000)]
    print("| format | MB | MB a CPU-second | spans a CPU-second | µs a span |\n|---|---|---|---|---|")
    for name in a.format or FORMATS:
        bodies = [FORMATS[name][0](part) for part in parts]
        megabytes = sum(map(len, bodies)) * a.times / 1e6
        cpu = measure(a.sluice, name, bodies, a.times)
        count = len(parts) * 1000 * a.times
        print(f"| {name} | {megabytes:.0f} | {megabytes / cpu:.0f} | {count / cpu:,.0f} | {cpu / count * 1e6:.2f} |", flush=True)


if __name__ == "__main__":
    main()
