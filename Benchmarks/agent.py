#!/usr/bin/env python3
"""File to acknowledged push: how many bytes of log a second one core of the agent moves.

  agent.py SLUICE [--mb 512] [--stages json,timestamp,labels] [--perf FILE]
  agent.py SLUICE --rate 10 [--files 1]    # while a file grows by 10 MB/s
  agent.py SLUICE --idle 1000              # with 1,000 files that rest

Writes a file of lines, starts a listener that acknowledges every push, runs the agent on the file
until all of it is acknowledged, and reads the agent's CPU time and memory from /proc.
"""
import argparse
import http.server
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time


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


def configuration(folder, port, pattern, stages):
    lines = "\n".join("        " + STAGES[s] for s in stages.split(",") if s)
    os.makedirs(f"{folder}/state")
    with open(f"{folder}/agent.yml", "w") as f:
        f.write(f"""
agent:
  server: {{disable: true}}
  positions: {{filename: {folder}/state/positions.yaml}}
  clients: [{{url: "http://127.0.0.1:{port}/loki/api/v1/push"}}]
  scrape_configs:
    - job_name: bench
      static_configs: [{{labels: {{job: bench, __path__: "{folder}/{pattern}"}}}}]
      pipeline_stages:
{lines or '        []'}
""")


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fine_cpu_seconds(pid):
    """By the scheduler's own account, which knows shorter times than a clock tick."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        total += int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0])
    return total / 1e9


def memory(pid, field):
    """In MiB: VmHWM, VmRSS, RssAnon or RssFile."""
    for l in open(f"/proc/{pid}/status"):
        if l.startswith(field + ":"):
            return int(l.split()[1]) / 1024
    return 0


def wake_ups(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        for l in open(f"/proc/{pid}/task/{task}/status"):
            if l.startswith("voluntary_ctxt_switches"):
                total += int(l.split()[1])
    return total


def write_at_rate(path, block, megabytes, seconds, files):
    """In a process of its own: whole lines in writes of 16 KB or so, as a busy program's log."""
    pieces, at = [], 0
    while at < len(block):
        end = block.find(b"\n", min(len(block) - 1, at + 16000)) + 1 or len(block)
        pieces.append(block[at:end])
        at = end
    out = [open(f"{path}.{i}.log" if files > 1 else path, "ab", buffering=0) for i in range(files)]
    start, written, index = time.monotonic(), 0, 0
    while time.monotonic() - start < seconds:
        piece = pieces[index % len(pieces)]
        out[index % files].write(piece)
        index += 1
        written += len(piece)
        ahead = written / (megabytes * 1e6) - (time.monotonic() - start)
        if ahead > 0:
            time.sleep(ahead)


def observe(agent, seconds, what):
    """CPU, memory and wake-ups of an agent that is running, after it has settled."""
    before, woken, start = fine_cpu_seconds(agent.pid), wake_ups(agent.pid), time.monotonic()
    time.sleep(seconds)
    wall = time.monotonic() - start
    share = (fine_cpu_seconds(agent.pid) - before) / wall * 100
    print(f"{what}: {share:.2f} % of a core, {(wake_ups(agent.pid) - woken) / wall:.0f} wake-ups "
          f"a second; memory {memory(agent.pid, 'VmRSS'):.1f} MiB "
          f"(own {memory(agent.pid, 'RssAnon'):.1f}, of the program's file "
          f"{memory(agent.pid, 'RssFile'):.1f}), {memory(agent.pid, 'VmHWM'):.1f} at most")


def start_agent(a, folder):
    agent = subprocess.Popen(
        [a.binary, "agent", "--config", f"{folder}/agent.yml"], stderr=subprocess.DEVNULL)
    if a.perf:
        subprocess.Popen(["perf", "record", "-q", "-g", "--call-graph", "fp", "-o", a.perf,
                          "-p", str(agent.pid)], stderr=subprocess.DEVNULL)
    return agent


def stop(agent):
    agent.send_signal(signal.SIGTERM)
    agent.wait()


def measure_steady(a, folder, block):
    """A file that grows steadily, or many that do not grow at all."""
    if a.idle:
        os.makedirs(f"{folder}/logs")
        for i in range(a.idle):
            with open(f"{folder}/logs/{i}.log", "wb") as f:
                start = block.find(b"\n", i * 2000) + 1
                f.write(block[start:block.find(b"\n", start + 1000) + 1])
    agent = start_agent(a, folder)
    try:
        if a.rate:
            writer = multiprocessing.Process(
                target=write_at_rate,
                args=(f"{folder}/in.log", block, a.rate, a.seconds + 20, a.files))
            writer.start()
            time.sleep(18)
            observe(agent, a.seconds, f"{a.rate} MB/s")
            writer.join()
        else:
            time.sleep(18)
            observe(agent, a.seconds, f"{a.idle} files at rest")
    finally:
        stop(agent)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("binary")
    p.add_argument("--mb", type=int, default=512)
    p.add_argument("--stages", default="json,timestamp,labels")
    p.add_argument("--perf", help="record with perf into this file")
    p.add_argument("--rate", type=float, default=0, help="MB/s written while it is measured")
    p.add_argument("--files", type=int, default=1, help="files that are written with --rate")
    p.add_argument("--idle", type=int, default=0, help="files that nobody writes to")
    p.add_argument("--seconds", type=float, default=30, help="with --rate and --idle")
    a = p.parse_args()
    folder = tempfile.mkdtemp(prefix="sluice-bench.", dir=os.environ.get("TMPDIR", "/tmp"))
    rng = random.Random(1)
    block = "".join(line(i, rng) + "\n" for i in range(50_000)).encode()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pattern = "logs/*.log" if a.idle else "*.log" if a.files > 1 else "in.log"
    configuration(folder, server.server_port, pattern, a.stages)
    try:
        if a.rate or a.idle:
            measure_steady(a, folder, block)
        else:
            measure_whole(a, folder, block)
    finally:
        shutil.rmtree(folder)


def measure_whole(a, folder, block):
    """As fast as it goes: a file that is there."""
    size = 0
    with open(f"{folder}/in.log", "wb") as f:
        while size < a.mb << 20:
            f.write(block)
            size += len(block)
    lines = size // len(block) * 50_000
    start = time.time()
    agent = start_agent(a, folder)
    last, quiet = -1, 0
    peak, cpu = 0, 0.0
    end = start
    while quiet < 15:
        time.sleep(0.1)
        quiet = quiet + 1 if Sink.got == last and Sink.got > 0 else 0
        if quiet == 0:
            end = time.time()
            try:
                cpu = cpu_seconds(agent.pid)
                peak = memory(agent.pid, "VmHWM")
            except OSError:
                break
        last = Sink.got
    stop(agent)
    wall = end - start
    mb = size / 1e6
    print(f"{lines} lines, {mb:.0f} MB in {wall:.1f} s; {Sink.requests} pushes, {Sink.got / 1e6:.0f} MB")
    print(f"CPU {cpu:.2f} s: {mb / cpu:.0f} MB/s per core, {cpu / lines * 1e9:.0f} ns a line; "
          f"wall {mb / wall:.0f} MB/s; memory {peak:.0f} MiB at most")


if __name__ == "__main__":
    main()
