#!/usr/bin/env python3
"""Standing exporters towards collectors that ask for something: TLS of an own authority with a client's certificate,
basic authentication, a bearer token from a file, a header; also behind a proxy that tunnels (CONNECT). The authority
and the certificates are made by openssl.
"""
import base64, http.server, os, socket, socketserver, ssl, subprocess, sys, threading, time

import servers

FOLDER = f"{servers.WORK}/exporter-tls"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=FOLDER)


def make_certificates():
    os.makedirs(FOLDER, exist_ok=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "2")
    for name in ("server", "client"):
        with open(f"{FOLDER}/{name}.ext", "w") as f:
            f.write("subjectAltName=DNS:collector.test,IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext")


def collector(tls, allows):
    """A collector on a free port that takes what `allows` lets through; its port and the paths of what it took."""
    taken = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            allowed = allows(self.headers)
            if allowed:
                taken.append((self.path, len(body)))
            self.send_response(200 if allowed else 401)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # Handshakes that fail are wanted.
    server.handle_error = lambda *_: None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{FOLDER}/server.pem", f"{FOLDER}/server.key")
        context.load_verify_locations(f"{FOLDER}/ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1], taken


def tunnel(allows):
    """A proxy on a free port that tunnels for who it `allows`; its port and where it was asked to go."""
    asked = []

    class Handler(socketserver.StreamRequestHandler):
        rbufsize = 0

        def handle(self):
            method, target, _ = self.rfile.readline().decode().split(" ")
            fields = {}
            while line := self.rfile.readline().decode().strip():
                name, value = line.split(": ", 1)
                fields[name.lower()] = value
            asked.append((method, target))
            if method != "CONNECT" or not allows(fields):
                self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
                return
            host, port = target.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as onward:
                # Fields of the tunnel are none of the collector's answer.
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\nretry-after: 3600\r\n\r\n")
                back = threading.Thread(target=self.pump, args=(onward, self.connection), daemon=True)
                back.start()
                self.pump(self.connection, onward)
                back.join()

        @staticmethod
        def pump(source, sink):
            try:
                while part := source.recv(65536):
                    sink.sendall(part)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1], asked


def main():
    try:
        make_certificates()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"skipped: openssl cannot make certificates ({error})")
        return 77
    with open(f"{FOLDER}/token", "w") as f:
        f.write("from-a-file\n")
    basic = "Basic " + base64.b64encode(b"me:secret").decode()
    tls = f"tls_config: {{ca_file: {FOLDER}/ca.pem, cert_file: {FOLDER}/client.pem, key_file: {FOLDER}/client.key}}"
    proxy_basic = "Basic " + base64.b64encode(b"out:side").decode()
    proxy, asked = tunnel(lambda fields: fields.get("proxy-authorization") == proxy_basic)
    cases = {
        "mutual-tls": (True, lambda h: True, tls, True),
        "no-certificate": (True, lambda h: True, f"tls_config: {{ca_file: {FOLDER}/ca.pem}}", False),
        "unknown-authority": (True, lambda h: True, "headers: {x: y}", False),
        "basic": (False, lambda h: h["authorization"] == basic, "basic_auth: {username: me, password: secret}", True),
        "bearer": (False, lambda h: h["authorization"] == "Bearer from-a-file", f"bearer_token_file: {FOLDER}/token", True),
        "header": (False, lambda h: h["x-key"] == "k", "headers: {X-Key: k}", True),
        "tunnel": (True, lambda h: "proxy-authorization" not in h, f"proxy_url: 'http://out:side@127.0.0.1:{proxy}', {tls}", True),
        "tunnel-refused": (True, lambda h: True, f"proxy_url: 'http://127.0.0.1:{proxy}', {tls}", False),
        "over-both": (True, lambda h: h["authorization"] == "Bearer direct", f"bearer_token: direct, {tls}", True),
    }
    exporters, taken = "", {}
    for name, (is_tls, allows, settings, _) in cases.items():
        port, taken[name] = collector(is_tls, allows)
        url = f"{'https' if is_tls else 'http'}://127.0.0.1:{port}/v1/traces"
        exporters += f"    - {{name: {name}, url: '{url}', timeout: 2s, {settings}}}\n"
    server = servers.Server("exporter-tls", "  trace_exporters:\n" + exporters)
    span = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","name":"x"}]}]}]}'
    status, _ = server.post("/v1/traces", span.encode(), {"content-type": "application/json"}, "otlp_http")
    deadline = time.time() + 20
    while time.time() < deadline and not all(taken[name] for name, case in cases.items() if case[3]):
        time.sleep(0.1)
    time.sleep(1)
    wrong = 0 if status == 200 else 1
    for name, case in cases.items():
        holds = bool(taken[name]) == case[3]
        wrong += not holds
        print(f"  {'ok   ' if holds else 'WRONG'} {name}: {len(taken[name])} bodies taken, {'one' if case[3] else 'none'} wanted")
    holds = len(asked) >= 2 and all(method == "CONNECT" for method, _ in asked)
    wrong += not holds
    print(f"  {'ok   ' if holds else 'WRONG'} the proxy was asked for {sorted(set(asked))}")
    server.stop()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
