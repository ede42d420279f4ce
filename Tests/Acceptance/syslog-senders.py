#!/usr/bin/env python3
"""Real senders against the agent: logger of util-linux, rsyslog and syslog-ng of Debian over TCP,
TLS, UDP and Unix sockets; then `sluice agent report` must say that everything adds up.

rsyslog must be installed. syslog-ng cannot be installed beside it; its package is fetched and
unpacked into the build folder, and left out (and said so) where it cannot be had. Ports are free
ones. Ends with status 77 when rsyslog or logger is missing.
"""

import glob
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from harness import Process, count_lines, get, say, wait_ready, write_file
from servers import free_ports

SLUICE = os.environ.get("SLUICE", ".build/release/sluice")
COUNT = 500


def configurations(folder, ports):
    loki, agent, tcp, tls, udp, old = ports
    write_file(f"{folder}/server.yml", f"""
server:
  data_dir: {folder}/server
  listen: {{loki: 127.0.0.1:{loki}, otlp_grpc: off, otlp_http: off, zipkin: off, jaeger_http: off,
           jaeger_compact: off, jaeger_binary: off, jaeger_query: off, tempo: off}}
  retention: 0s
""")
    labels = """
      relabel_configs:
        - {source_labels: [__syslog_message_app_name], target_label: app}
        - {source_labels: [__syslog_message_facility], target_label: facility}
        - {source_labels: [__syslog_message_severity], target_label: severity}
"""
    write_file(f"{folder}/agent.yml", f"""
agent:
  server: {{http_listen_address: 127.0.0.1, http_listen_port: {agent}}}
  positions: {{filename: {folder}/agent/positions.yaml}}
  clients: [{{url: "http://127.0.0.1:{loki}/loki/api/v1/push", batchwait: 100ms}}]
  scrape_configs:
    - job_name: tcp
      syslog: {{listen_address: "127.0.0.1:{tcp}", labels: {{job: tcp}}}}{labels}
    - job_name: tls
      syslog:
        listen_address: 127.0.0.1:{tls}
        labels: {{job: tls}}
        tls_config: {{cert_file: {folder}/cert.pem, key_file: {folder}/key.pem, ca_file: {folder}/cert.pem}}{labels}
    - job_name: udp
      syslog: {{listen_address: "127.0.0.1:{udp}", listen_protocol: udp, labels: {{job: udp}}}}{labels}
    - job_name: old
      syslog: {{listen_address: "127.0.0.1:{old}", syslog_format: rfc3164, labels: {{job: old}}}}{labels}
    - job_name: unix
      syslog:
        listen_address: {folder}/log.sock
        listen_protocol: unixgram
        syslog_format: auto
        labels: {{job: unix}}{labels}
""")


def with_logger(folder, ports):
    _, _, tcp, _, udp, old = ports
    base = ["logger", "-t", "logger", "-p", "local3.warning"]
    lines = "".join(f"logger {n}\n" for n in range(COUNT)).encode()
    net = ["--server", "127.0.0.1"]
    for extra in (["--tcp", "--port", str(tcp), "--rfc5424"],
                  ["--tcp", "--port", str(tcp), "--rfc5424", "--octet-count"],
                  ["--tcp", "--port", str(old), "--rfc3164"]):
        subprocess.run(base + net + extra, input=lines, check=True)
    subprocess.run(base + net + ["--udp", "--port", str(udp), "--rfc5424"],
                   input=b"logger by udp\n", check=True)
    subprocess.run(base + ["--socket", f"{folder}/log.sock"], input=lines, check=True)
    return {'job="tcp"': 2 * COUNT, 'job="old"': COUNT, 'job="udp"': 1, 'job="unix"': COUNT}


def with_rsyslog(folder, ports):
    """rsyslogd takes a file and forwards it in RFC 5424 by octet counts and lines, in RFC 3164, and
    by TLS where its driver is installed."""
    _, _, tcp, tls, _, old = ports
    by_tls = bool(glob.glob("/usr/lib/*/rsyslog/lmnsd_gtls.so"))
    files = "".join(f' defaultNetstreamDriver{name}File="{folder}/{file}.pem"' for name, file in (
        ("CA", "cert"), ("Cert", "cert"), ("Key", "key"))) if by_tls else ""
    secure = f"""
action(type="omfwd" target="127.0.0.1" port="{tls}" protocol="tcp" StreamDriver="gtls"
       StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="127.0.0.1"
       TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
""" if by_tls else ""
    write_file(f"{folder}/rsyslog.conf", f"""
global(workDirectory="{folder}/rsyslog"{files})
module(load="imfile" pollingInterval="1")
input(type="imfile" file="{folder}/in.log" tag="rsyslog:" facility="local1" severity="error")
action(type="omfwd" target="127.0.0.1" port="{tcp}" protocol="tcp" template="RSYSLOG_SyslogProtocol23Format")
action(type="omfwd" target="127.0.0.1" port="{tcp}" protocol="tcp" TCP_Framing="octet-counted"
       template="RSYSLOG_SyslogProtocol23Format")
action(type="omfwd" target="127.0.0.1" port="{old}" protocol="tcp" template="RSYSLOG_TraditionalForwardFormat")
{secure}""")
    os.makedirs(f"{folder}/rsyslog", exist_ok=True)
    write_file(f"{folder}/in.log", "".join(f"rsyslog {n}\n" for n in range(COUNT)))
    with open(f"{folder}/rsyslog.log", "wb") as log:
        process = subprocess.Popen(
            ["rsyslogd", "-n", "-f", f"{folder}/rsyslog.conf", "-i", f"{folder}/rsyslog.pid"],
            stdout=log, stderr=log)
    if not by_tls:
        say("TLS of rsyslog is left out: rsyslog-gnutls is not installed")
    return process, {'job="tcp"': 2 * COUNT, 'job="old"': COUNT, 'job="tls"': COUNT * by_tls}


def syslog_ng():
    """The unpacked package, or None."""
    if shutil.which("syslog-ng"):
        return ""
    root = os.path.abspath(".build/syslog-ng")
    if not os.path.exists(f"{root}/usr/sbin/syslog-ng"):
        os.makedirs(root, exist_ok=True)
        if subprocess.run(["apt-get", "download", "-q", "syslog-ng-core"], cwd=root,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            return None
        subprocess.run(["dpkg", "-x", glob.glob(f"{root}/*.deb")[0], root], check=True)
    return root


def with_syslog_ng(folder, ports, root):
    """By TLS with certificates on both sides, as IETF syslog (octet counts), and by UDP."""
    _, _, _, tls, udp, _ = ports
    write_file(f"{folder}/syslog-ng.conf", f"""
@version: 3.38
source s {{ file("{folder}/ng.log" follow-freq(1) flags(no-parse) program-override("syslog-ng")
                 default-facility(local2) default-priority(crit)); }};
destination tls {{ syslog("127.0.0.1" port({tls}) transport("tls")
  tls(ca-file("{folder}/cert.pem") cert-file("{folder}/cert.pem") key-file("{folder}/key.pem")
      peer-verify(required-untrusted))); }};
destination udp {{ syslog("127.0.0.1" port({udp}) transport("udp") throttle(250)); }};
log {{ source(s); destination(tls); destination(udp); }};
""")
    write_file(f"{folder}/ng.log", "".join(f"ng {n}\n" for n in range(COUNT)))
    modules = glob.glob(f"{root}/usr/lib/syslog-ng/[0-9]*")
    environment = dict(os.environ, LD_LIBRARY_PATH=f"{root}/usr/lib/syslog-ng") if root else None
    command = [f"{root}/usr/sbin/syslog-ng", "-F", "--no-caps", "-f", f"{folder}/syslog-ng.conf",
               "-R", f"{folder}/ng.persist", "-c", f"{folder}/ng.ctl", "-p", f"{folder}/ng.pid"]
    if root and modules:
        command += [f"--module-path={modules[0]}"]
    with open(f"{folder}/syslog-ng.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    return process, {'job="tls"': COUNT, 'job="udp"': COUNT}


def main():
    if not shutil.which("rsyslogd") or not shutil.which("logger"):
        print("skipped: there is no rsyslogd or logger")
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="sluice-syslog-")
    ports = free_ports(6)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key.pem",
         "-out", f"{folder}/cert.pem"], check=True, stderr=subprocess.DEVNULL)
    configurations(folder, ports)
    server = Process("server", [SLUICE, "server", "--config", f"{folder}/server.yml"], folder)
    agent = Process("agent", [SLUICE, "agent", "--config", f"{folder}/agent.yml"], folder)
    base, own = f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    senders, faults = [], []
    try:
        server.start()
        agent.start()
        wait_ready(f"{base}/ready", server)
        wait_ready(f"{own}/ready", agent)
        wanted = {}

        def expect(counts):
            for key, count in counts.items():
                wanted[key] = wanted.get(key, 0) + count

        expect(with_logger(folder, ports))
        process, counts = with_rsyslog(folder, ports)
        senders.append(process)
        expect(counts)
        root = syslog_ng()
        if root is None:
            say("syslog-ng is left out: its package cannot be had")
        else:
            process, counts = with_syslog_ng(folder, ports, root)
            senders.append(process)
            expect(counts)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            got = {key: count_lines(base, "{%s}" % key) for key in wanted}
            if all(got[key] >= wanted[key] for key in wanted):
                break
            time.sleep(0.5)
        time.sleep(1)
        for key, count in sorted(wanted.items()):
            found = count_lines(base, "{%s}" % key)
            print(f"  {'ok  ' if found == count else 'WRONG'} {key}: {found} lines of {count}")
            if found != count:
                faults.append(key)
        for selector in ('{job="tcp", app="logger", facility="local3", severity="warning"}',
                         '{job="tcp", app="rsyslog", facility="local1", severity="error"}',
                         '{job="old", app="rsyslog", facility="local1", severity="error"}',
                         '{job="unix", app="logger", facility="local3"}'):
            if count_lines(base, selector) < COUNT:
                faults.append(selector)
        report = subprocess.run([SLUICE, "agent", "report", "--agent", own], capture_output=True,
                                text=True)
        print(report.stdout)
        if report.returncode:
            faults.append("the report does not add up: " + report.stderr)
        total = sum(wanted.values())
        accounts = get(f"{own}/targets")
        sent = accounts["clients"][0]["acknowledged_lines"]
        confirmed = accounts["clients"][0]["stored_lines"]
        read = sum(source["read_lines"] for source in accounts["sources"])
        stored = sum(count_lines(base, "{%s}" % key) for key in wanted)
        print(f"  read {read}, sent {sent}, stored {stored}, the server told the agent of "
              f"{confirmed}, written {total}")
        if not read == sent == stored == confirmed == total:
            faults.append("read, sent and stored differ")
    finally:
        for process in senders:
            process.terminate()
            process.wait()
        agent.stop()
        server.stop()
    for fault in faults:
        print(f"  WRONG {fault}")
    if faults:
        print(f"the folder {folder} is kept", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
