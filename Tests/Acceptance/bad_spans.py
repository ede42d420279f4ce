#!/usr/bin/env python3
"""Sends the receivers of spans what is not spans: each body gets a clear answer, and nothing of it is stored.

The recorded rows of real receivers (ingest-errors.json) where they are, and more than a hundred bodies made of
good ones by cutting, changing and mixing up types. A body that is refused must leave no span behind; a status
of success must mean that every span of the body is there.
"""
import gzip, json, os, random, sys
from servers import HERE, Server, field, varint
from importlib import import_module

kills = import_module("span-kill-harness")
SHARED = os.environ.get("SHARED", os.path.join(HERE, "../../../shared"))
faults, count = [], 0


def expect(server, name, port, path, kind, body, wanted, headers=None):
    global count
    count += 1
    status, text = server.post(path, body, {"Content-Type": kind, **(headers or {})}, port)
    if status not in wanted:
        faults.append(f"{name}: {status} {text[:100]!r}, should be one of {sorted(wanted)}")
    if status >= 400 and not text:
        faults.append(f"{name}: refused without a word")
    return status


def recorded(server):
    path = f"{SHARED}/conformance/traces/expected/ingest-errors.json"
    if not os.path.exists(path):
        print("no recorded rows at", path)
        return
    ports = {4318: "otlp_http", 14268: "jaeger_http", 9411: "zipkin"}
    rows = {}
    for row in json.load(open(path)):
        if row["method"] == "POST":
            rows.setdefault((row["port"], row["path"], row["content_type"], row["body"]), set()).add(row["response"]["status"])
    for (port, path, kind, body), statuses in rows.items():
        # Where Zipkin and the Collector differ, either will do.
        expect(server, f"recorded {path} {kind} {body!r}", ports[port], path, kind, body.encode("latin-1").decode("unicode_escape").encode("latin-1") if "\\x" in body else body.encode(), statuses)


def made(server):
    chance, trace = random.Random(5), 0xBAD << 64 | 1
    for form in (kills.otlp, kills.zipkin, kills.jaeger):
        port, path, kind, body = form(trace, [1, 2, 3])
        for cut in sorted(chance.sample(range(1, len(body)), 25)):
            expect(server, f"{path} cut at {cut}", port, path, kind, body[:cut], {400})
        for seed in range(10):
            expect(server, f"{path} noise {seed}", port, path, kind, random.Random(seed).randbytes(seed * 31 + 2), {400})
        zipped = gzip.compress(body)
        expect(server, f"{path} cut gzip", port, path, kind, zipped[:-9], {400}, {"Content-Encoding": "gzip"})
        expect(server, f"{path} unknown encoding", port, path, kind, body, {400, 415}, {"Content-Encoding": "br"})
        expect(server, f"{path} another type", port, path, "text/html", body, {400, 415})
    for name, body in {
        "v1 on v2": b'[{"traceId":"1","id":"2","binaryAnnotations":[]}]', "no list": b'{"traceId":"1"}', "no id": b'[{"traceId":"1"}]',
        "good, then bad": b'[{"traceId":"bad0000000000000001","id":"2"},{"traceId":"x","id":"2"}]', "huge time": b'[{"traceId":"1","id":"2","timestamp":18446744073709551615}]',
        "deep": b"[" * 100000, "a tag that is a list": b'[{"traceId":"1","id":"2","tags":{"a":[]}}]',
    }.items():
        expect(server, f"zipkin: {name}", "zipkin", "/api/v2/spans", "application/json", body, {400})
    for name, body in {
        "v2 on v1": b'[{"traceId":"1","id":"2","tags":{}}]', "no list": b"{}", "a value that is a list": b'[{"traceId":"1","id":"2","binaryAnnotations":[{"key":"a","value":[]}]}]',
    }.items():
        expect(server, f"zipkin v1: {name}", "zipkin", "/api/v1/spans", "application/json", body, {400})
    for body in (b"\x0c", b"\x0c\xff\xff\xff\xff", b"\x0c\0\0\0\1\x0a"):
        expect(server, f"zipkin v1 thrift {body!r}", "zipkin", "/api/v1/spans", "application/x-thrift", body, {400})
    long_id = field(1, field(2, field(2, field(1, b"123") + field(2, b"12345678"))))
    wrong_type = field(1, field(2, field(2, varint(1 << 3) + b"\x05")))
    for name, body in {"an id of 3 bytes": long_id, "an id that is a number": wrong_type, "a group": b"\x0b", "text": b"hello", "no UTF-8": field(1, field(3, b"\xff\xfe"))}.items():
        expect(server, f"otlp: {name}", "otlp_http", "/v1/traces", "application/x-protobuf", body, {400})
    value = field(1, b"x")
    for _ in range(60):
        value = field(5, field(1, value))
    deep = field(1, field(1, field(1, field(1, b"k") + field(2, value))))
    expect(server, "otlp: deep", "otlp_http", "/v1/traces", "application/x-protobuf", deep, {400, 413})
    if got := kills.stored(server, trace):
        faults.append(f"refused bodies left {len(got)} spans behind")
    if got := kills.stored(server, 0xBAD0000000000000001):
        faults.append("the good span of a refused body is stored")
    port, path, kind, body = kills.otlp(trace, [1, 2, 3])
    expect(server, "a good body at last", port, path, kind, body, {200})
    if sorted(kills.stored(server, trace)) != [1, 2, 3]:
        faults.append("a good body is not stored whole")


def main():
    server = Server("bad-spans", "  retention: 0s\n")
    recorded(server)
    made(server)
    server.stop()
    print(f"{count} bodies, {len(faults)} faults")
    for fault in faults[:20]:
        print("WRONG", fault)
    sys.exit(1 if faults else 0)


main()
