#!/usr/bin/env python3
"""Sends logs with OpenTelemetry's Python SDK over HTTP and gRPC, and as Promtail does (cramjam's snappy), and asks for
them; needs the packages that run.sh installs."""
import logging, os, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import json
import urllib.request

import cramjam
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GRPCExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HTTPExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from servers import Server, push_body

faults = []


def check(what, ok, detail=""):
    print(("  ok   " if ok else "  WRONG"), what, "" if ok else detail)
    if not ok:
        faults.append(what)


def lines(server, selector):
    """[(labels, line)] of all lines of a selector, oldest first."""
    status, body = server.ask("/loki/api/v1/query_range", {"query": selector, "limit": 1000, "direction": "forward"})
    if status != 200:
        return []
    found = [(s["stream"], v) for s in json.loads(body)["data"]["result"] for v in s["values"]]
    return [(labels, value[1]) for labels, value in sorted(found, key=lambda f: int(f[1][0]))]


def send(exporter, service):
    provider = LoggerProvider(resource=Resource.create({"service.name": service, "k8s.pod.name": "p1", "host.name": "h"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = logging.getLogger(service)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(LoggingHandler(logger_provider=provider))
    for number in range(200):
        (logger.error if number % 10 == 0 else logger.info)("line %d", number, extra={"user": f"u{number % 3}"})
    provider.shutdown()


def main():
    server = Server("log-clients")
    loki, http, grpc = (f"http://127.0.0.1:{server.ports[k]}" for k in ("loki", "otlp_http", "otlp_grpc"))
    ways = {
        "http-loki": HTTPExporter(endpoint=f"{loki}/otlp/v1/logs"),
        "http-collector": HTTPExporter(endpoint=f"{http}/v1/logs", compression=Compression.Gzip),
        "grpc": GRPCExporter(endpoint=grpc, insecure=True),
    }
    for service, exporter in ways.items():
        send(exporter, service)
        found = lines(server, f'{{service_name="{service}"}}')
        check(f"{service}: 200 lines in order", [line for _, line in found] == [f"line {n}" for n in range(200)], len(found))
        labels = found[0][0] if found else {}
        check(f"{service}: labels", labels.get("k8s_pod_name") == "p1" and labels.get("host_name") == "h", labels)
        check(f"{service}: level and attributes", labels.get("detected_level") == "error" and labels.get("user") == "u0", labels)

    now = time.time_ns()
    body = push_body([('{app="promtail-form"}', [(now + n, b"pushed %d" % n) for n in range(100)])])
    request = urllib.request.Request(f"{loki}/loki/api/v1/push", bytes(cramjam.snappy.compress_raw(body)),
                                     {"Content-Type": "application/x-protobuf"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        check("promtail's form: 204", answer.status == 204, answer.status)
    found = lines(server, '{app="promtail-form"}')
    check("promtail's form: 100 lines", [line for _, line in found] == [f"pushed {n}" for n in range(100)], len(found))
    server.stop()
    sys.exit(1 if faults else 0)


main()
