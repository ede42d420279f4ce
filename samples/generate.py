#!/usr/bin/env python3
"""Writes the sample logs and traces of this folder; the same bytes on every run.

  python3 samples/generate.py

The files tell one made-up afternoon of a small CAM-OS host: its kernel's JSON log, nginx in front,
sshd's auth.log with a password guesser in it, and a worker's logfmt. Trace ids in the JSON log are
those of traces.otlp.json. `sluice replay` moves all times to now when it ships them.
"""
import json, os, random, time

HERE = os.path.dirname(os.path.abspath(__file__))
END = 1795200000  # 2026-11-20T18:40:00Z; any moment does
MINUTES = 50
r = random.Random(20261120)


def moments(count):
    """Ascending epoch seconds over the window, busier in the middle."""
    span = MINUTES * 60
    picks = sorted(r.betavariate(1.6, 1.4) * span for _ in range(count))
    return [END - span + p for p in picks]


def rfc3339(t, digits=3):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(t)))
    return f"{whole}.{int((t % 1) * 10 ** digits):0{digits}d}Z"


def hexes(n):
    return "%0*x" % (n, r.getrandbits(n * 4))


SYSCALLS = {
    "think": ("agent_runtime", 0.9), "commit_task": ("scheduler", 1.4), "context_read": ("memory_context", 0.4),
    "context_write": ("memory_context", 0.8), "emit_trace": ("observability", 0.2), "tune_system": ("policy_engine", 2.2),
    "negotiate_peer": ("federation", 6.0), "snapshot_context": ("memory_context", 12.0),
}
AGENTS = [f"agent-{n:03d}" for n in range(40)]
FAILURES = {
    "policy_engine": ["policy denied: capability memory.write is missing", "policy denied: quota exhausted"],
    "memory_context": ["context not found", "version conflict: expected 17, have 19", "page checksum mismatch, reread"],
    "federation": ["peer did not answer within 5s", "peer certificate expired"],
    "scheduler": ["queue full, task shed", "deadline passed before start"],
    "agent_runtime": ["model backend returned 503", "token budget exceeded"],
    "observability": ["exporter backlog, span sampled out"],
}
TRACES = []


def attribute(key, value):
    kind = "boolValue" if isinstance(value, bool) else "intValue" if isinstance(value, int) else "doubleValue" if isinstance(value, float) else "stringValue"
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def span(trace, parent, name, kind, start, length, attributes, error=None, events=()):
    s = {"traceId": trace, "spanId": hexes(16), "parentSpanId": parent or "", "name": name, "kind": kind,
         "startTimeUnixNano": str(int(start * 1e9)), "endTimeUnixNano": str(int((start + length) * 1e9)),
         "attributes": [attribute(k, v) for k, v in attributes.items()], "status": {"code": 2, "message": error} if error else {},
         "events": [{"timeUnixNano": str(int(t * 1e9)), "name": n, "attributes": [attribute(k, v) for k, v in a.items()]} for t, n, a in events]}
    return s


def trace(t, failing):
    """gateway -> syscall-dispatcher -> memory-context (cache miss -> storage) and policy-engine."""
    ident, call = hexes(32), r.choice(["think", "context_write", "commit_task"])
    caller = r.choice(AGENTS)
    total = r.uniform(0.020, 0.080) + (0.9 if failing else 0)
    error = "peer did not answer within 5s" if failing else None
    root = span(ident, None, f"POST /v1/syscalls/{call}", 2, t, total, {"http.request.method": "POST", "http.route": "/v1/syscalls/{name}", "http.response.status_code": 504 if failing else 200, "client.address": f"10.0.0.{r.randrange(2, 250)}"}, error)
    dispatch_at = t + 0.002
    client = span(ident, root["spanId"], "syscall.execute", 3, dispatch_at, total - 0.004, {"rpc.system": "grpc", "rpc.method": call})
    server = span(ident, client["spanId"], f"syscall {call}", 2, dispatch_at + 0.001, total - 0.006, {"cam.syscall": call, "cam.caller_id": caller, "cam.priority": r.randrange(1, 9)}, error)
    policy = span(ident, server["spanId"], "policy.check", 1, dispatch_at + 0.0015, 0.0012, {"policy.rule": "syscall-quota", "policy.allowed": True})
    read = span(ident, server["spanId"], "context.read", 3, dispatch_at + 0.003, 0.010, {"context.id": f"ctx-{r.randrange(300)}", "cache.hit": False},
                events=[(dispatch_at + 0.004, "cache miss", {"cache.key": f"ctx-{r.randrange(300)}", "cache.size": r.randrange(1000, 9000)})])
    serve = span(ident, read["spanId"], "Context/Read", 2, dispatch_at + 0.004, 0.008, {"rpc.system": "grpc", "context.version": r.randrange(20)})
    disk = span(ident, serve["spanId"], "SELECT contexts", 3, dispatch_at + 0.005, 0.005, {"db.system.name": "sqlite", "db.query.text": "SELECT body FROM contexts WHERE id = ?", "db.response.returned_rows": 1})
    parts = {"api-gateway": [root, client], "syscall-dispatcher": [server, policy, read], "memory-context": [serve, disk]}
    if failing:
        peer = span(ident, server["spanId"], "federation.negotiate", 3, dispatch_at + 0.014, 0.88, {"peer.address": "cam-b.local:7443", "retry.count": 2}, error,
                    events=[(dispatch_at + 0.5, "exception", {"exception.type": "Timeout", "exception.message": error})])
        parts["syscall-dispatcher"].append(peer)
    for service, spans in parts.items():
        TRACES.append((service, spans))
    return ident, call, caller, total, error


def app():
    out = []
    for n, t in enumerate(moments(4000)):
        if n % 100 == 50:
            ident, call, caller, total, error = trace(t, failing=n % 1000 == 550)
            o = {"timestamp": rfc3339(t), "level": "ERROR" if error else "INFO", "component": "syscall_dispatcher", "syscall": call, "caller_id": caller, "latency_ms": round(total * 1000, 3), "success": not error, "trace_id": ident}
            if error:
                o["error"] = error
            out.append(o)
            continue
        call = r.choice(list(SYSCALLS))
        component, typical = SYSCALLS[call]
        slow = END - 1500 < t < END - 1200 and component == "memory_context"
        failed = r.random() < (0.12 if slow else 0.03)
        level = "ERROR" if failed else "WARN" if slow and r.random() < 0.4 else "DEBUG" if r.random() < 0.08 else "INFO"
        o = {"timestamp": rfc3339(t), "level": level, "component": component, "syscall": call, "caller_id": r.choice(AGENTS),
             "latency_ms": round(typical * r.lognormvariate(0, 0.6) * (9 if slow else 1), 3), "success": not failed}
        if failed:
            o["error"] = r.choice(FAILURES[component])
        elif level == "WARN":
            o["message"] = "context store is slow, serving from the replica"
        elif r.random() < 0.2:
            o["context"] = {"id": f"ctx-{r.randrange(300)}", "version": r.randrange(20), "bytes": r.randrange(200, 90000)}
        out.append(o)
    with open(f"{HERE}/app.log", "w") as f:
        f.writelines(json.dumps(o, separators=(",", ":")) + "\n" for o in out)


def nginx():
    paths = ["/"] * 3 + ["/v1/syscalls/think"] * 8 + ["/v1/syscalls/commit_task"] * 4 + ["/v1/contexts/%d"] * 5 + ["/healthz"] * 3 + ["/static/console.js", "/static/console.css", "/login", "/wp-login.php", "/.env"]
    agents = ["Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0", "cam-sdk/0.9 (python 3.12)", "cam-sdk/0.9 (python 3.12)", "curl/8.5.0", "kube-probe/1.30"]
    with open(f"{HERE}/access.log", "w") as f:
        for t in moments(3500):
            path = r.choice(paths)
            path = path % r.randrange(300) if "%d" in path else path
            probe = path in ("/wp-login.php", "/.env")
            status = 404 if probe else r.choices([200, 201, 204, 301, 304, 401, 429, 500, 502, 504], [720, 60, 40, 10, 40, 14, 8, 5, 4, 3])[0]
            size = 0 if status in (204, 304) else 153 if status >= 400 else r.randrange(120, 42000)
            who = f"185.220.101.{r.randrange(3, 60)}" if probe else f"10.0.{r.randrange(3)}.{r.randrange(2, 250)}"
            when = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(int(t)))
            method = "POST" if "syscalls" in path or path == "/login" else "GET"
            f.write(f'{who} - - [{when}] "{method} {path} HTTP/1.1" {status} {size} "-" "{r.choice(agents)}" {r.lognormvariate(-4, 1):.3f}\n')


def auth():
    with open(f"{HERE}/auth.log", "w") as f:
        for t in moments(2500):
            stamp = time.strftime("%b %e %H:%M:%S", time.gmtime(int(t)))
            pid, x = r.randrange(900, 32000), r.random()
            guessing = END - 1100 < t < END - 500
            if x < (0.75 if guessing else 0.12):
                who, where = r.choice(["root", "admin", "ubuntu", "invalid user oracle", "invalid user test", "invalid user git"]), f"203.0.113.{r.randrange(4, 24)}"
                f.write(f"{stamp} cam-a sshd[{pid}]: Failed password for {who} from {where} port {r.randrange(30000, 61000)} ssh2\n")
            elif x < 0.80:
                user = r.choice(["ops", "deploy", "maria"])
                f.write(f"{stamp} cam-a sshd[{pid}]: Accepted publickey for {user} from 10.0.0.{r.randrange(2, 9)} port {r.randrange(30000, 61000)} ssh2: ED25519 SHA256:{hexes(20)}\n")
            elif x < 0.90:
                f.write(f"{stamp} cam-a CRON[{pid}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)\n")
            elif x < 0.95:
                f.write(f"{stamp} cam-a sudo:      ops : TTY=pts/0 ; PWD=/home/ops ; USER=root ; COMMAND=/usr/bin/systemctl restart cam-{r.choice(['scheduler', 'policy', 'memory', 'federation'])}@{r.randrange(400)}\n")
            else:
                f.write(f"{stamp} cam-a systemd-logind[412]: New session {pid} of user deploy.\n")


def worker():
    with open(f"{HERE}/worker.log", "w") as f:
        for t in moments(3000):
            job = r.choice(["reindex", "compact", "export", "mail", "thumbnail"])
            x = r.random()
            line = f'ts={rfc3339(t)} level=%s caller={r.choice(["queue", "runner", "lease"])}.go:{r.randrange(20, 400)} job={job} attempt={1 if x < 0.9 else 2} '
            if x < 0.04:
                f.write(line % "error" + f'msg="job failed" err="{r.choice(["connection refused", "context deadline exceeded", "disk quota exceeded"])}" took={r.lognormvariate(1, 1):.3f}s\n')
            elif x < 0.12:
                f.write(line % "warn" + f'msg="lease almost lost" left={r.randrange(20, 900)}ms\n')
            else:
                f.write(line % "info" + f'msg="job done" items={r.randrange(1, 5000)} size={r.randrange(1, 900)}KB took={r.lognormvariate(-1, 1):.3f}s\n')


def traces():
    groups = []
    for service, spans in TRACES:
        groups.append({"resource": {"attributes": [attribute("service.name", service), attribute("service.version", "0.9.2"), attribute("host.name", "cam-a")]},
                       "scopeSpans": [{"scope": {"name": "cam.observability", "version": "0.9.2"}, "spans": spans}]})
    with open(f"{HERE}/traces.otlp.json", "w") as f:
        json.dump({"resourceSpans": groups}, f, separators=(",", ":"))
        f.write("\n")


app(); nginx(); auth(); worker(); traces()
