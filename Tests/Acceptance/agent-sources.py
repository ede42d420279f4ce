#!/usr/bin/env python3
"""The agent's other sources with what other programs write and send: container logs with labels
from their paths, compressed files and other encodings, a command's output, GELF of a client of
PyPI (pygelf; where it cannot be had, hand-made datagrams), pushes in the forms of Fluent Bit and
Promtail; then the configuration is changed, broken and mended while a file is written to, and no
line may be missing or there twice. Python 3; ports are free ones.
"""

import bz2
import gzip
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zlib

from harness import Process, count_lines, get, query_pages, say, wait_ready, write_file
from servers import free_ports

SLUICE = os.environ.get("SLUICE", ".build/release/sluice")
TEXT = "Grüße aus Köln"
faults = []


def check(what, is_right, detail=""):
    print(f"  {'ok  ' if is_right else 'WRONG'} {what} {'' if is_right else detail}")
    if not is_right:
        faults.append(what)


def write_bytes(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def write_inputs(folder):
    """Files as containerd, Docker, logrotate and Windows programs leave them."""
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    write_file(f"{folder}/pods/shop_cart-7d9f_0a1b/app/0.log", "".join((
        f"{second}.000000001Z stdout F whole line\n",
        f"{second}.000000002Z stdout P first \n",
        f"{second}.000000003Z stderr F other stream\n",
        f"{second}.000000004Z stdout F second\n")))
    identity = "0123456789abcdef" * 4
    write_file(f"{folder}/containers/{identity}/{identity}-json.log", "".join(
        json.dumps({"log": f"docker {n}\n", "stream": "stderr",
                    "time": f"{second}.{n:09}Z"}) + "\n" for n in range(3)))
    lines = "".join(f"packed {n}\n" for n in range(1000)).encode()
    write_bytes(f"{folder}/packed/a.log.gz", gzip.compress(lines[:5000]) + gzip.compress(lines[5000:]))
    write_bytes(f"{folder}/packed/b.log.bz2", bz2.compress(lines))
    write_bytes(f"{folder}/packed/c.log.z", zlib.compress(lines))
    for name in ("utf-16", "utf-16be", "iso-8859-1"):
        write_bytes(f"{folder}/encoded/{name}.log", f"{TEXT}\r\n{TEXT}\r\n".encode(name))


def packed_job(form, pattern):
    return f"""
    - job_name: {form}
      decompression: {{enabled: true, format: {form}}}
      static_configs: [{{labels: {{job: packed, form: {form}, __path__: "FOLDER/packed/{pattern}"}}}}]"""


def agent_configuration(folder, ports, label):
    loki, agent, gelf, push, _ = ports
    jobs = "".join(packed_job(*one) for one in (("gz", "*.gz"), ("bz2", "*.bz2"), ("z", "*.z")))
    jobs += "".join(f"""
    - job_name: {name}
      encoding: {name}
      static_configs: [{{labels: {{job: encoded, encoding: {name}, __path__: "FOLDER/encoded/{name}.log"}}}}]"""
                    for name in ("utf-16", "utf-16be", "iso-8859-1"))
    return f"""
agent:
  server: {{http_listen_address: 127.0.0.1, http_listen_port: {agent}, enable_runtime_reload: true}}
  positions: {{filename: FOLDER/agent/positions.yaml}}
  clients: [{{url: "http://127.0.0.1:{loki}/loki/api/v1/push", batchwait: 50ms}}]
  scrape_configs:
    - job_name: pods
      static_configs: [{{labels: {{job: pods, __path__: "FOLDER/pods/*/*/*.log"}}}}]
      pipeline_stages:
        - cri: {{}}
        - regex: {{source: filename, expression: '/pods/(?P<namespace>[^_]+)_(?P<pod>[^_]+)_[^/]+/(?P<container>[^/]+)/'}}
        - labels: {{namespace: , pod: , container: }}
    - job_name: docker
      static_configs: [{{labels: {{job: docker, __path__: "FOLDER/containers/*/*-json.log"}}}}]
      pipeline_stages:
        - docker: {{}}
        - regex: {{source: filename, expression: '/(?P<id>[0-9a-f]{{12}})[^/]*-json.log$'}}
        - labels: {{id: }}
    - job_name: command
      command: {{run: [seq, -f, "command %g", "1", "50"], labels: {{job: command}}}}
    - job_name: gelf
      gelf: {{listen_address: "127.0.0.1:{gelf}", labels: {{job: gelf}}, use_incoming_timestamp: true}}
      relabel_configs:
        - {{source_labels: [__gelf_message_level], target_label: level}}
        - {{source_labels: [__gelf_message_host], target_label: host}}
    - job_name: push
      loki_push_api:
        server: {{http_listen_address: 127.0.0.1, http_listen_port: {push}}}
        labels: {{source: push}}
        use_incoming_timestamp: true
    - job_name: live
      static_configs: [{{labels: {{job: live, turn: "{label}", __path__: "FOLDER/live/*.log"}}}}]{jobs}
""".replace("FOLDER", folder)


def send_gelf(port):
    """How many messages were sent."""
    try:
        from pygelf import GelfUdpHandler
    except ImportError:
        print("  pygelf cannot be had; the datagrams are made by hand")
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        body = json.dumps({"version": "1.1", "host": "h", "short_message": "s" * 3000, "level": 3})
        packed = zlib.compress(body.encode())
        half = len(packed) // 2
        for number, part in ((1, packed[half:]), (0, packed[:half])):
            sender.sendto(b"\x1e\x0f" + b"abcdefgh" + bytes((number, 2)) + part, ("127.0.0.1", port))
        sender.sendto(body.encode(), ("127.0.0.1", port))
        return 2
    logger = logging.getLogger("gelf")
    logger.propagate = False
    sent = 0
    for compress, size in ((True, 1300), (False, 300), (False, 1300)):
        handler = GelfUdpHandler(host="127.0.0.1", port=port, compress=compress, chunk_size=size,
                                 include_extra_fields=True, _app="shop")
        logger.addHandler(handler)
        for number in range(20):
            logger.error("payment %d failed %s", number, "x" * (number * 100),
                         extra={"user": f"u{number}"})
            sent += 1
            time.sleep(0.002)
        logger.removeHandler(handler)
    return sent


def post(port, path, body, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, method="POST")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.status


def varint(number):
    out = b""
    while number > 127:
        out += bytes((number & 127 | 128,))
        number >>= 7
    return out + bytes((number,))


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def snappy_literals(content):
    """A snappy block without copies, as any encoder may write."""
    out = varint(len(content))
    for at in range(0, len(content), 60):
        part = content[at:at + 60]
        out += bytes((len(part) - 1 << 2,)) + part
    return out


def send_pushes(port):
    now = time.time_ns()
    record = json.dumps({"log": "fluent", "level": "info"})
    plain = json.dumps({"streams": [{"stream": {"job": "fluent-bit"},
                                     "values": [[str(now), record]]}]}).encode()
    metadata = json.dumps({"streams": [{"stream": {"job": "fluent-bit"}, "values": [
        [str(now + 1), record, {"trace_id": "abc"}], [str(now + 2), record, {}]]}]}).encode()
    agent = {"Content_Type": "application/json", "User_Agent": "Fluent-Bit"}
    statuses = [post(port, "/loki/api/v1/push", plain, **agent),
                post(port, "/loki/api/v1/push", gzip.compress(metadata), Content_Encoding="gzip", **agent)]
    seconds = b"\x08" + varint(now // 10**9) + b"\x10" + varint(now % 10**9)
    entry = field(1, seconds) + field(2, b"promtail line")
    body = field(1, field(1, b'{job="promtail", filename="/var/log/x"}') + field(2, entry))
    statuses.append(post(port, "/loki/api/v1/push", snappy_literals(body),
                         Content_Type="application/x-protobuf", User_Agent="promtail/3.5.5"))
    statuses.append(post(port, "/promtail/api/v1/raw", b"raw one\nraw two\r\n"))
    check("pushes are answered with 204", statuses == [204] * 4, statuses)
    try:
        post(port, "/loki/api/v1/push", b'{"streams":[{', **agent)
        check("a broken push is refused", False)
    except urllib.error.HTTPError as error:
        check("a broken push is refused", error.code == 400, error.code)


class Writer(threading.Thread):
    """Writes numbered lines to a file, which is renamed once."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        os.makedirs(f"{folder}/live", exist_ok=True)
        self.folder, self.ends, self.count = folder, threading.Event(), 0

    def run(self):
        file = open(f"{self.folder}/live/a.log", "a", buffering=1)
        while not self.ends.is_set():
            for _ in range(20):
                file.write(f"live {self.count}\n")
                self.count += 1
            if self.count == 2000:
                os.rename(f"{self.folder}/live/a.log", f"{self.folder}/live/a.log.1")
                file.close()
                file = open(f"{self.folder}/live/a.log", "a", buffering=1)
            time.sleep(0.01)
        file.close()


def wait_lines(base, selector, count, seconds=30):
    """The lines of a selector once there are so many, or the time is over."""
    deadline = time.monotonic() + seconds
    while count_lines(base, selector) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    return count_lines(base, selector)


def reload(folder, ports, agent, own, base):
    """By SIGHUP, POST /reload and the file's change; a bad file each time in between."""
    path = f"{folder}/agent.yml"
    writer = Writer(folder)
    writer.start()
    for turn, how in enumerate(("signal", "post", "change"), start=1):
        write_file(path, agent_configuration(folder, ports, turn).replace("job_name", "job_nmae", 1))
        if how == "post":
            try:
                post(ports[1], "/reload", b"")
                check("POST /reload refuses a bad configuration", False)
            except urllib.error.HTTPError as error:
                text = error.read().decode()
                check("POST /reload refuses a bad configuration", "job_nmae" in text, text)
        elif how == "signal":
            agent.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        agent.check()
        write_file(path, agent_configuration(folder, ports, turn))
        if how == "signal":
            agent.process.send_signal(signal.SIGHUP)
        elif how == "post":
            check("POST /reload takes a good one", post(ports[1], "/reload", b"") in (200, 204))
        found = wait_lines(base, f'{{job="live", turn="{turn}"}}', 1)
        check(f"the new configuration is in force by {how}", found > 0)
        wait_ready(f"{own}/ready", agent)
    writer.ends.set()
    writer.join()
    total = wait_lines(base, '{job="live"}', writer.count)
    entries = query_pages(base, '{job="live"}', time.time_ns() - 3600 * 10**9, time.time_ns())
    numbers = sorted(int(entry[1].split()[1]) for entry in entries)
    check(f"{writer.count} lines over 3 reloads: none missing, none twice",
          numbers == list(range(writer.count)) and total == writer.count,
          f"{total} lines, {len(set(numbers))} of them different")


def main():
    folder = tempfile.mkdtemp(prefix="sluice-sources-")
    ports = free_ports(4) + [0]
    loki, own_port = ports[0], ports[1]
    write_inputs(folder)
    off = ", ".join(f"{name}: off" for name in (
        "otlp_grpc", "otlp_http", "zipkin", "jaeger_http", "jaeger_compact", "jaeger_binary",
        "jaeger_query", "tempo"))
    write_file(f"{folder}/server.yml", f"""
server: {{data_dir: {folder}/server, listen: {{loki: "127.0.0.1:{loki}", {off}}}, retention: 0s}}
""")
    write_file(f"{folder}/agent.yml", agent_configuration(folder, ports, 0))
    server = Process("server", [SLUICE, "server", "--config", f"{folder}/server.yml"], folder)
    agent = Process("agent", [SLUICE, "agent", "--config", f"{folder}/agent.yml"], folder)
    base, own = f"http://127.0.0.1:{loki}", f"http://127.0.0.1:{own_port}"
    try:
        server.start()
        agent.start()
        wait_ready(f"{base}/ready", server)
        wait_ready(f"{own}/ready", agent)
        sent = send_gelf(ports[2])
        send_pushes(ports[3])
        for selector, count in (
            ('{job="pods", namespace="shop", pod="cart-7d9f", container="app", stream="stdout"}', 2),
            ('{job="pods", stream="stderr"} |= "other stream"', 1),
            ('{job="pods"} |= "first second"', 1),
            ('{job="docker", id="0123456789ab", stream="stderr"} |= "docker"', 3),
            ('{form="gz"}', 1000), ('{form="bz2"}', 1000), ('{form="z"}', 1000),
            (f'{{encoding="utf-16"}} |= "{TEXT}"', 2), (f'{{encoding="utf-16be"}} |= "{TEXT}"', 2),
            (f'{{encoding="iso-8859-1"}} |= "{TEXT}"', 2), ('{job="command"}', 50),
            ('{job="gelf", level="error"} | json | host!=""', sent),
            ('{job="fluent-bit", source="push"}', 3),
            ('{job="fluent-bit"} | trace_id="abc"', 1),
            ('{job="promtail", filename="/var/log/x"} |= "promtail line"', 1),
            ('{source="push"} |= "raw"', 2),
        ):
            found = wait_lines(base, selector, count)
            check(f"{selector}: {count}", found == count, f"found {found}")
        reload(folder, ports, agent, own, base)
        report = subprocess.run([SLUICE, "agent", "report", "--agent", own],
                                capture_output=True, text=True)
        check("the account adds up", report.returncode == 0, report.stdout + report.stderr)
    finally:
        agent.stop()
        server.stop()
    if faults:
        say(f"the logs are in {folder}")
        sys.exit(1)
    subprocess.run(["rm", "-rf", folder], check=False)


if __name__ == "__main__":
    main()
