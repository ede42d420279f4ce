#!/usr/bin/env python3
"""File to acknowledged push: how many bytes of log a second one core of the agent moves.

  agent.py SLUICE [--mb 512] [--lines json|plain] [--stages json,timestamp,labels] [--perf FILE]

Writes a file of lines, starts a listener that acknowledges every push, runs the agent on the file
until all of it is acknowledged, and reads the agent's CPU time and memory from /proc.
"""
import argparse, http.server, json, os, random, shutil, signal, subprocess, sys, tempfile, threading, time


class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    got = 0
    requests = 0

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left:
            part = self.rfile.read(min(left, 1 << 20))
            left -= len(part)
            Sink.got += len(part)
        Sink.requests += 1
        self.send_response(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def line(i, rng):
    t = 1795233600 + i // 1000
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t)) + ".%03dZ" % (i % 1000)
    return json.dumps({
        "timestamp": stamp, "level": rng.choice(["INFO", "INFO", "INFO", "WARN", "ERROR"]),
        "component": rng.choice(["vfs", "scheduler", "syscall_dispatcher", "net"]),
        "message": "request %d served in %d ms" % (i, rng.randrange(900)),
        "trace_id": "%032x" % rng.getrandbits(128), "latency_ms": rng.randrange(1000) / 10,
        "path": "/api/v1/items/%d" % rng.randrange(100000), "success": True})


STAGES = {
    "json": "- json: {expressions: {timestamp: , level: , component: }}",
    "timestamp": "- timestamp: {source: timestamp, format: RFC3339Nano}",
    "labels": "- labels: {level: , component: }",
}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("binary")
    p.add_argument("--mb", type=int, default=512)
    p.add_argument("--stages", default="json,timestamp,labels")
    p.add_argument("--perf", help="record with perf into this file")
    p.add_argument("--callgrind", action="store_true")
    a = p.parse_args()
    folder = tempfile.mkdtemp(prefix="sluice-bench.", dir=os.environ.get("TMPDIR", "/tmp"))
    rng = random.Random(1)
    block = "".join(line(i, rng) + "\n" for i in range(50_000)).encode()
    size = 0
    with open(f"{folder}/in.log", "wb") as f:
        while size < a.mb << 20:
            f.write(block)
            size += len(block)
    lines = size // len(block) * 50_000
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stages = "\n".join("        " + STAGES[s] for s in a.stages.split(",") if s)
    with open(f"{folder}/agent.yml", "w") as f:
        f.write(f"""
agent:
  server: {{disable: true}}
  positions: {{filename: {folder}/state/positions.yaml}}
  clients: [{{url: "http://127.0.0.1:{server.server_port}/loki/api/v1/push"}}]
  scrape_configs:
    - job_name: bench
      static_configs: [{{labels: {{job: bench, __path__: {folder}/in.log}}}}]
      pipeline_stages:
{stages or '        []'}
""")
    os.makedirs(f"{folder}/state")
    command = [a.binary, "agent", "--config", f"{folder}/agent.yml"]
    if a.perf:
        command = ["perf", "record", "-q", "-g", "--call-graph", "fp", "-o", a.perf, "--"] + command
    start = time.time()
    agent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    last, quiet = -1, 0
    peak, cpu = 0, 0.0
    while quiet < 15:
        time.sleep(0.1)
        quiet = quiet + 1 if Sink.got == last and Sink.got > 0 else 0
        if quiet == 0:
            end = time.time()
            try:
                fields = open(f"/proc/{agent.pid}/stat").read().rsplit(")", 1)[1].split()
                cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                for l in open(f"/proc/{agent.pid}/status"):
                    if l.startswith("VmHWM"):
                        peak = int(l.split()[1])
            except OSError:
                break
        last = Sink.got
    agent.send_signal(signal.SIGTERM)
    agent.wait()
    wall = end - start
    mb = size / 1e6
    print(f"{lines} lines, {mb:.0f} MB in {wall:.1f} s; {Sink.requests} pushes, {Sink.got / 1e6:.0f} MB")
    print(f"CPU {cpu:.2f} s: {mb / cpu:.0f} MB/s per core, {cpu / lines * 1e9:.0f} ns a line; "
          f"wall {mb / wall:.0f} MB/s; memory {peak / 1024:.0f} MiB at most")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
