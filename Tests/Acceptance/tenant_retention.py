#!/usr/bin/env python3
"""A tenant's own retention holds from the moment that the server starts, and a file of overrides with a fault costs no line.

    tenant_retention.py
"""
import json, subprocess, sys, time
import servers
from servers import WORK, Server, push_body, snappy

RULE = "overrides: {keeper: {retention_stream: [{selector: '{job=\"a\"}', priority: 1, period: 8760h}]}}\n"
SETTINGS = """\
  auth_enabled: true
  retention: 25h
  runtime_config: {file: %s}
  limits: {reject_old_samples: false}
"""


def request(server, path, tenant, body=None):
    """Status and body; a POST where there is a body."""
    headers = {"X-Scope-OrgID": tenant, "Content-Type": "application/x-protobuf"}
    call = servers.urllib.request.Request(f"http://127.0.0.1:{server.ports['loki']}{path}", body, headers)
    try:
        with servers.urllib.request.urlopen(call, timeout=30) as answer:
            return answer.status, answer.read()
    except servers.urllib.error.HTTPError as error:
        return error.code, error.read()


def count(server, tenant):
    fields = servers.urllib.parse.urlencode({"query": 'sum(count_over_time({job="a"}[72h]))'})
    status, body = request(server, "/loki/api/v1/query?" + fields, tenant)
    if status != 200:
        sys.exit(f"a question was answered {status}: {body[:300]}")
    result = json.loads(body)["data"]["result"]
    return int(result[0]["value"][1]) if result else 0


def main():
    overrides = f"{WORK}/overrides.yml"
    with open(overrides, "w") as file:
        file.write(RULE)
    server = Server("tenant-retention", SETTINGS % overrides)
    old = time.time_ns() - 48 * 3600 * 10**9
    body = snappy(push_body([('{job="a"}', [(old + at, b"line %d" % at) for at in range(100)])]))
    for tenant in ["keeper", "other"]:
        status, answer = request(server, "/loki/api/v1/push", tenant, body)
        if status != 204:
            sys.exit(f"a push was answered {status}: {answer[:300]}")
    if request(server, "/flush", "keeper", b"")[0] != 204:
        sys.exit("the head is not flushed")
    for turn in range(3):
        server.stop()
        # With a fault in the file nothing starts, and nothing is dropped.
        with open(overrides, "w") as file:
            file.write(RULE.replace("8760h", "8760 hours"))
        server.start(fails_ok=True)
        if server.process.wait(timeout=30) == 0:
            sys.exit("a file of overrides with a fault was taken")
        with open(overrides, "w") as file:
            file.write(RULE)
        server.start()
        time.sleep(1)
        if (there := count(server, "keeper")) != 100:
            sys.exit(f"start {turn}: {there} of the 100 lines are there that the tenant keeps")
    for _ in range(200):
        if not count(server, "other"):
            break
        time.sleep(0.2)
    else:
        sys.exit("the lines of the other tenant are not dropped")
    server.stop()
    print("100 lines older than the server's retention were there after each of 3 starts, the other tenant's are gone")


if __name__ == "__main__":
    main()
