#!/usr/bin/env python3
"""What OpenTelemetry's own exporters make of refusals: a full disk, and spans that cannot be stored.

The disk of the server is full: exports over HTTP and gRPC wait and try again as they were told (503 with Retry-After,
UNAVAILABLE). When there is room again they succeed, and every span is there once. Spans without ids are told of as a
partial success, which an exporter must not send again. Needs root for a file system in memory; else status 77.
"""
import http.client, json, os, subprocess, sys, threading, time, urllib.error, urllib.request, zlib

import servers

try:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GRPCExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HTTPExporter
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExportResult
    from opentelemetry.trace import SpanContext
except ImportError as error:
    print(f"skipped: a client is not installed ({error})")
    sys.exit(77)

SETTINGS = "  storage: {head_max_size: 4MB, head_max_age: 1s, wal_file_size: 4MB, min_free_disk: 20MB}\n"


def spans(service, count, trace=None):
    """Each of a trace of its own, or of trace 0."""
    now = time.time_ns()
    if trace is None:
        trace = (zlib.crc32(service.encode()) | 1) << 32
    return [ReadableSpan(name=f"op {n}", context=SpanContext(trace + n if trace else 0, n + 1, False), start_time=now, end_time=now + 1000,
                         resource=Resource({"service.name": service})) for n in range(count)]


def stored(server, service):
    """How many spans of a service are there."""
    query = f"query.service_name={service}&query.start_time_min=2020-01-01T00:00:00Z&query.start_time_max=2100-01-01T00:00:00Z&query.search_depth=1000&query.raw_traces=true"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.ports['jaeger_query']}/api/v3/traces?{query}", timeout=20) as answer:
            found = json.load(answer)["result"]
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return 0
        raise
    return sum(len(scope["spans"]) for batch in found["resourceSpans"] for scope in batch["scopeSpans"])


def raw_post(server, body):
    connection = http.client.HTTPConnection("127.0.0.1", server.ports["otlp_http"], timeout=20)
    connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
    answer = connection.getresponse()
    return answer.status, answer.getheader("retry-after"), answer.read()


def main():
    folder = f"{servers.WORK}/trace-refusals"
    os.makedirs(folder, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "sluice-refusals", folder], capture_output=True).returncode != 0:
        print("skipped: no file system can be mounted here")
        return 77
    wrong = []

    def check(what, holds):
        print(f"  {'ok   ' if holds else 'WRONG'} {what}")
        if not holds:
            wrong.append(what)

    try:
        server = servers.Server("trace-refusals", SETTINGS, data=f"{folder}/data")
        http_exporter = HTTPExporter(endpoint=f"http://127.0.0.1:{server.ports['otlp_http']}/v1/traces", timeout=60)
        grpc_exporter = GRPCExporter(endpoint=f"http://127.0.0.1:{server.ports['otlp_grpc']}", insecure=True, timeout=60)
        room = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        with open(f"{folder}/ballast", "wb") as ballast:
            ballast.write(bytes(room - (10 << 20)))
        body = encode_spans(spans("probe", 1)).SerializeToString()
        status, wait, _ = raw_post(server, body)
        for _ in range(100):
            if status == 503:
                break
            time.sleep(0.1)
            status, wait, _ = raw_post(server, body)
        check(f"a full disk is answered 503 with Retry-After (got {status}, {wait})", status == 503 and int(wait or 0) >= 1)
        results = {}
        workers = [threading.Thread(target=lambda name=name, exporter=exporter: results.update({name: exporter.export(spans(name, 100))}))
                   for name, exporter in (("over-http", http_exporter), ("over-grpc", grpc_exporter))]
        for worker in workers:
            worker.start()
        time.sleep(4)
        check("both exporters go on trying", not results)
        os.remove(f"{folder}/ballast")
        for worker in workers:
            worker.join()
        for name in ("over-http", "over-grpc"):
            count = stored(server, name)
            check(f"{name}: success, and 100 spans once each (got {results.get(name)}, {count})", results.get(name) == SpanExportResult.SUCCESS and count == 100)
        mixed = spans("partial", 3) + spans("partial", 2, trace=0)
        for name, exporter in (("HTTP", http_exporter), ("gRPC", grpc_exporter)):
            began = time.time()
            check(f"a partial success over {name} is not sent again", exporter.export(mixed) == SpanExportResult.SUCCESS and time.time() - began < 2)
        status, _, answer = raw_post(server, encode_spans(mixed).SerializeToString())
        partial = ExportTraceServiceResponse.FromString(answer).partial_success
        check(f"2 of 5 are told of as rejected: {partial.error_message}", status == 200 and partial.rejected_spans == 2 and partial.error_message)
        count = stored(server, "partial")
        check(f"the others are stored, and the same span sent three times is there once ({count})", count == 3)
        server.stop()
    finally:
        subprocess.run(["umount", "-l", folder])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
