"""Starting and stopping the release binary for the programs of this folder; Loki's push body by hand."""
import glob, os, signal, socket, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SLUICE = os.environ.get("SLUICE", os.path.join(HERE, "../../.build/release/sluice"))
WORK = os.environ.get("WORK") or tempfile.mkdtemp(prefix="sluice-acceptance.")
LISTENERS = ["loki", "otlp_grpc", "otlp_http", "zipkin", "jaeger_http", "jaeger_compact", "jaeger_binary", "jaeger_query", "tempo"]
# For recordings without discovery of labels and without rate limits: YAML below `server:`.
PLAIN = """  limits:
    discover_service_name: []
    discover_log_levels: false
    ingestion_rate_mb: 1000
    ingestion_burst_size_mb: 1000
    per_stream_rate_limit: 1GB
    per_stream_rate_limit_burst: 1GB
"""


def free_ports(count):
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Server:
    """A `sluice server` on ports of its own. `extra` is YAML below `server:`, indented by two."""

    def __init__(self, name, extra="", data=None):
        self.binary, self.name = SLUICE, name
        self.data = data or f"{WORK}/{name}.data"
        self.ports = dict(zip(LISTENERS, free_ports(len(LISTENERS))))
        self.config_path, self.log_path = f"{WORK}/{name}.yml", f"{WORK}/{name}.log"
        with open(self.config_path, "w") as f:
            listen = "\n".join(f"    {k}: 127.0.0.1:{v}" for k, v in self.ports.items())
            f.write(f"server:\n  data_dir: {self.data}\n  listen:\n{listen}\n{extra}")
        self.start()

    def command(self):
        """What is run, and its environment."""
        return [SLUICE, "server", "--config", self.config_path], None

    def start(self, fails_ok=False):
        command, environment = self.command()
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env=environment)
        for _ in range(600):
            if self.is_ready():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        if not fails_ok:
            sys.exit(f"the server {self.name} did not start:\n" + open(self.log_path).read()[-3000:])

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['loki']}/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path, fields, port="loki"):
        """Status and body of a GET."""
        url = f"http://127.0.0.1:{self.ports[port]}{path}?{urllib.parse.urlencode(fields, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def post(self, path, body, headers, port="loki"):
        """Status and body of a POST; status 0 when the connection ended."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[port]}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            return 0, str(error).encode()

    def peak_memory_mb(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) // 1024
        return 0

    def stop(self):
        """SIGTERM; the server must end by itself with status 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            if self.process.wait(timeout=60) != 0:
                sys.exit(f"the server {self.name} ended with status {self.process.returncode} on SIGTERM")

    def kill(self):
        self.process.kill()
        self.process.wait()


class FakeTimeServer(Server):
    """A server whose wall clock starts ten minutes after the base time of the recordings; its other clocks run truly."""

    CLOCK = "@2026-11-21 04:49:00"

    def command(self):
        library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
        if library is None:
            sys.exit("libfaketime is missing: .ci/install-packages build test")
        command, _ = super().command()
        settings = {"LD_PRELOAD": library, "FAKETIME": self.CLOCK, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"}
        return command, {**os.environ, **settings}


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def snappy(data):
    """Snappy's block format with literals alone."""
    out = [varint(len(data))]
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        out.append(b"\xf4" + (len(piece) - 1).to_bytes(2, "little") + piece)
    return b"".join(out)


def push_body(streams):
    """Loki's PushRequest of [(labels, [(nanoseconds, line)])]."""
    body = b""
    for labels, entries in streams:
        stream = field(1, labels.encode())
        for nanoseconds, line in entries:
            stamp = b"\x08" + varint(nanoseconds // 10**9) + b"\x10" + varint(nanoseconds % 10**9)
            stream += field(2, field(1, stamp) + field(2, line))
        body += field(1, stream)
    return body
