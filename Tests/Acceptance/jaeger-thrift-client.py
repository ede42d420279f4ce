#!/usr/bin/env python3
"""Ships spans with OpenTelemetry's Jaeger Thrift exporter, over HTTP and over UDP, and reads them back.

The exporter needs an SDK of its time, so that run.sh installs it into a folder of its own. The server is ended
with SIGKILL before anything is read.
"""
import sys, time

try:
    from opentelemetry.exporter.jaeger.thrift import JaegerExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError as error:
    print(f"skipped: the exporter is not installed ({error})")
    sys.exit(77)
import json
from servers import Server


def ship(service, exporter, traces):
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=65536, max_export_batch_size=64))
    tracer, ids = provider.get_tracer("acceptance", "1.0"), []
    for number in range(traces):
        with tracer.start_as_current_span("GET /orders", kind=SpanKind.SERVER) as root:
            root.set_attribute("order.id", f"ord-{number}")
            root.set_attribute("ratio", 0.25)
            with tracer.start_as_current_span("SELECT", kind=SpanKind.CLIENT) as call:
                call.add_event("retry", {"attempt": 2})
                call.set_status(Status(StatusCode.ERROR, "no rows"))
            ids.append(format(root.get_span_context().trace_id, "032x"))
    provider.force_flush(60000)
    provider.shutdown()
    return ids


def fault(server, service, trace_id, number):
    """What is wrong with a trace, or None."""
    status, body = server.ask(f"/api/traces/{trace_id}", {}, "jaeger_query")
    if status != 200:
        return f"status {status}"
    trace = json.loads(body)["data"][0]
    spans = {span["operationName"]: span for span in trace["spans"]}
    if sorted(spans) != ["GET /orders", "SELECT"]:
        return f"spans {sorted(spans)}"
    tags = {tag["key"]: tag["value"] for tag in spans["GET /orders"]["tags"]}
    wrong = {k: tags.get(k) for k, v in {"order.id": f"ord-{number}", "ratio": 0.25, "span.kind": "server"}.items() if tags.get(k) != v}
    failed = {tag["key"]: tag["value"] for tag in spans["SELECT"]["tags"]}
    if wrong or failed.get("error") is not True or failed.get("otel.status_description") != "no rows":
        return f"tags {wrong or failed}"
    if trace["processes"][spans["SELECT"]["processID"]]["serviceName"] != service:
        return "another service"
    if spans["SELECT"]["references"][0]["spanID"] != spans["GET /orders"]["spanID"]:
        return f"references {spans['SELECT']['references']}"
    return None


def main():
    server, faults = Server("jaeger-client", "  retention: 0s\n"), []
    try:
        exporters = {
            "thrift-http": JaegerExporter(collector_endpoint=f"http://127.0.0.1:{server.ports['jaeger_http']}/api/traces?format=jaeger.thrift"),
            "thrift-udp": JaegerExporter(agent_host_name="127.0.0.1", agent_port=server.ports["jaeger_compact"], udp_split_oversized_batches=True),
        }
        shipped = {service: ship(service, exporter, 200) for service, exporter in exporters.items()}
        # Nobody acknowledges a datagram: what came is stored within a moment.
        time.sleep(1)
        server.kill()
        server.start()
        for service, ids in shipped.items():
            wrong = [(i, why) for n, i in enumerate(ids) if (why := fault(server, service, i, n))]
            print(f"{service}: {len(ids) - len(wrong)} of {len(ids)} traces whole")
            faults += [f"{service} {i}: {why}" for i, why in wrong[:5]]
    finally:
        server.kill()
    for line in faults:
        print("WRONG", line)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
