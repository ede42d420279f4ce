#!/usr/bin/env python3
"""Ships spans with real clients into a server and reads them back through Jaeger's and Zipkin's APIs.

Clients: the OpenTelemetry SDK for Python over OTLP/HTTP (plain and gzip) and OTLP/gRPC (plain and gzip), its Zipkin
exporter, and py_zipkin; run.sh installs them. The server (SLUICE names the binary) is ended with SIGKILL once
everything was acknowledged and started again before anything is read: what was acknowledged must be there.
"""
import argparse, json, sys, urllib.request

import servers

try:
    import grpc, py_zipkin, requests
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GRPCExporter
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HTTPExporter
    from opentelemetry.exporter.zipkin.json import ZipkinExporter
except ImportError as error:
    print(f"skipped: a client is not installed ({error})")
    sys.exit(77)


class Server(servers.Server):
    def url(self, listener, path):
        return f"http://127.0.0.1:{self.ports[listener]}{path}"

    def get(self, listener, path):
        with urllib.request.urlopen(self.url(listener, path), timeout=20) as answer:
            return json.load(answer)


def ship_with_sdk(service, exporter, traces):
    """Makes traces of three spans with the SDK; returns the ids of the traces and how often the exporter failed."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.trace import Link, SpanKind, Status, StatusCode
    failures = []

    class Counting(SpanExporter):
        def export(self, spans):
            result = exporter.export(spans)
            if result is not SpanExportResult.SUCCESS:
                failures.append(result)
            return result

        def shutdown(self):
            exporter.shutdown()

    provider = TracerProvider(resource=Resource.create({"service.name": service, "host.cpu.count": 8}))
    provider.add_span_processor(BatchSpanProcessor(Counting(), max_queue_size=65536, max_export_batch_size=512))
    tracer = provider.get_tracer("acceptance", "1.0")
    ids, earlier = [], None
    for number in range(traces):
        with tracer.start_as_current_span("GET /orders/{id}", kind=SpanKind.SERVER, links=[Link(earlier)] if earlier else []) as root:
            root.set_attribute("order.id", f"ord-{number}")
            root.set_attribute("big", 2**60)
            root.set_attribute("ratio", 0.25)
            root.set_attribute("tags", ["a", "ß"])
            with tracer.start_as_current_span("SELECT", kind=SpanKind.CLIENT) as call:
                call.add_event("retry", {"attempt": 2})
            with tracer.start_as_current_span("render 東京") as failed:
                failed.set_status(Status(StatusCode.ERROR, "no template"))
            earlier = root.get_span_context()
            ids.append(format(earlier.trace_id, "032x"))
    provider.force_flush(60000)
    provider.shutdown()
    return ids, len(failures)


def check_sdk_trace(server, service, trace_id, number):
    """What is wrong with a trace as Jaeger's API shows it, or None."""
    trace = server.get("jaeger_query", f"/api/traces/{trace_id}")["data"][0]
    spans = {span["operationName"]: span for span in trace["spans"]}
    if sorted(spans) != ["GET /orders/{id}", "SELECT", "render 東京"]:
        return f"spans {sorted(spans)}"
    root = spans["GET /orders/{id}"]
    tags = {tag["key"]: tag["value"] for tag in root["tags"]}
    want = {"order.id": f"ord-{number}", "span.kind": "server"}
    if service.startswith("otlp"):
        want |= {"big": str(2**60), "ratio": 0.25, "tags": '["a","ß"]', "otel.scope.name": "acceptance"}
        failed = {tag["key"]: tag["value"] for tag in spans["render 東京"]["tags"]}
        if (failed.get("otel.status_description"), failed.get("error")) != ("no template", True):
            return f"the failed span has {failed}"
        links = [reference for reference in root["references"] if reference["refType"] == "FOLLOWS_FROM"]
        if len(links) != (1 if number else 0):
            return f"references {root['references']}"
        fields = {field["key"]: field["value"] for field in spans["SELECT"]["logs"][0]["fields"]}
        if fields != {"event": "retry", "attempt": 2}:
            return f"the event has {fields}"
    wrong = {key: tags.get(key) for key in want if tags.get(key) != want[key]}
    if wrong:
        return f"tags {wrong}"
    process = trace["processes"][root["processID"]]
    if process["serviceName"] != service:
        return f"service {process['serviceName']}"
    for name in ("SELECT", "render 東京"):
        if {"refType": "CHILD_OF", "traceID": trace["traceID"], "spanID": root["spanID"]} not in spans[name]["references"]:
            return f"{name} is not the child of the root"
    return None


def ship_with_py_zipkin(server, traces):
    from py_zipkin import Encoding, Kind
    from py_zipkin.zipkin import zipkin_client_span, zipkin_span
    ids, refused = [], []

    def send(body):
        answer = requests.post(server.url("zipkin", "/api/v2/spans"), data=body, headers={"Content-Type": "application/json"}, timeout=20)
        if answer.status_code != 202:
            refused.append(answer.text)

    for number in range(traces):
        with zipkin_span(service_name="py-zipkin", span_name=f"job {number}", transport_handler=send, sample_rate=100.0, encoding=Encoding.V2_JSON, kind=Kind.SERVER, binary_annotations={"job": str(number)}) as root:
            with zipkin_client_span(service_name="py-zipkin", span_name="call") as call:
                call.add_sa_binary_annotation(80, "backend", "10.0.0.9")
            ids.append(root.zipkin_attrs.trace_id)
    return ids, len(refused)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", type=int, default=300, help="of each client")
    arguments = parser.parse_args()
    server, faults = Server("trace-clients", "  retention: 0s\n"), []
    try:
        http, target = server.url("otlp_http", "/v1/traces"), f"127.0.0.1:{server.ports['otlp_grpc']}"
        clients = {
            "otlp-http": lambda: HTTPExporter(endpoint=http),
            "otlp-http-gzip": lambda: HTTPExporter(endpoint=http, compression=Compression.Gzip),
            "otlp-grpc": lambda: GRPCExporter(endpoint=target, insecure=True),
            "otlp-grpc-gzip": lambda: GRPCExporter(endpoint=target, insecure=True, compression=grpc.Compression.Gzip),
            "zipkin": lambda: ZipkinExporter(endpoint=server.url("zipkin", "/api/v2/spans")),
        }
        shipped = {}
        for service, make in clients.items():
            shipped[service], failures = ship_with_sdk(service, make(), arguments.traces)
            if failures:
                faults.append(f"{service}: {failures} exports failed")
        zipkin_ids, refusals = ship_with_py_zipkin(server, arguments.traces)
        if refusals:
            faults.append(f"py-zipkin: {refusals} bodies refused")
        server.process.kill()
        server.process.wait()
        server.start()
        for service, ids in shipped.items():
            wrong = [(i, why) for n, i in enumerate(ids) if (why := check_sdk_trace(server, service, i, n))]
            print(f"{service}: {len(ids) - len(wrong)} of {len(ids)} traces whole")
            faults += [f"{service} {i}: {why}" for i, why in wrong[:5]]
        whole = 0
        for number, trace_id in enumerate(zipkin_ids):
            spans = {span["name"]: span for span in server.get("zipkin", f"/api/v2/trace/{trace_id}")}
            job, call = spans.get(f"job {number}", {}), spans.get("call", {})
            if job.get("tags") == {"job": str(number)} and job.get("kind") == "SERVER" and call.get("parentId") == job.get("id") and call.get("remoteEndpoint", {}).get("serviceName") == "backend":
                whole += 1
            else:
                faults.append(f"py-zipkin {trace_id}: {spans}")
        print(f"py-zipkin: {whole} of {len(zipkin_ids)} traces whole")
        services = server.get("jaeger_query", "/api/services")["data"]
        if sorted(services) != sorted([*clients, "py-zipkin"]):
            faults.append(f"services {services}")
        found = server.get("jaeger_query", "/api/traces?service=otlp-http&operation=SELECT&limit=20")["data"]
        if len(found) != min(20, arguments.traces):
            faults.append(f"a search found {len(found)} traces")
    finally:
        server.process.terminate()
        server.process.wait(30)
    for fault in faults[:20]:
        print("fault:", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
