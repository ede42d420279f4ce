/// Configurations as Promtail's users write them, to be put under `agent:`.
enum PromtailTexts {
  static let all = [
    "host files": hostFiles, "journal": journal, "kubernetes": kubernetes, "nginx": nginx,
    "every client setting": client, "syslog and push": receivers, "java": java,
  ]

  static let hostFiles = """
    server:
      http_listen_port: 9080
      grpc_listen_port: 0
    positions:
      filename: /tmp/positions.yaml
    clients:
      - url: http://loki:3100/loki/api/v1/push
    scrape_configs:
      - job_name: system
        static_configs:
          - targets:
              - localhost
            labels:
              job: varlogs
              host: tower
              __path__: /var/log/**/*.log
              __path_exclude__: /var/log/**/*.gz
    """

  static let journal = """
    client:
      url: https://logs.example.net/loki/api/v1/push
    positions: {filename: /var/lib/agent/positions.yml, sync_period: 5s, ignore_invalid_yaml: true}
    scrape_configs:
      - job_name: journal
        journal:
          json: false
          max_age: 12h
          path: /var/log/journal
          matches: _TRANSPORT=kernel PRIORITY=3
          labels:
            job: systemd-journal
        relabel_configs:
          - source_labels: ['__journal__systemd_unit']
            target_label: unit
          - source_labels: [__journal_priority_keyword]
            target_label: level
            regex: (.+)
          - action: labeldrop
            regex: __journal_.+
          - source_labels: [__journal__hostname, unit]
            separator: '-'
            target_label: "${1}_place"
            replacement: $2
            regex: ([a-z_]+)-(.*)
            action: Replace
    """

  static let kubernetes = """
    server: {log_level: warn, http_listen_port: 3101, enable_runtime_reload: true}
    clients: [{url: 'http://loki-gateway/loki/api/v1/push', tenant_id: cluster-1}]
    limits_config:
      readline_rate_enabled: true
      readline_rate: 500
      readline_burst: 1000
      readline_rate_drop: false
      max_line_size: 256KB
      max_line_size_truncate: true
      max_streams: 100
    target_config: {sync_period: 30s}
    global: {file_watch_config: {min_poll_frequency: 100ms, max_poll_frequency: 2s}}
    tracing: {enabled: false}
    options: {stream_lag_labels: filename}
    scrape_configs:
      - job_name: kubernetes-pods
        pipeline_stages:
          - cri: {}
          - match:
              selector: '{app="api"}'
              stages:
                - json: {expressions: {level: , msg: message}}
                - labels: {level: }
        kubernetes_sd_configs:
          - role: pod
        relabel_configs:
          - source_labels: [__meta_kubernetes_pod_node_name]
            target_label: __host__
          - action: labelmap
            regex: __meta_kubernetes_pod_label_(.+)
          - source_labels: [__meta_kubernetes_pod_uid]
            modulus: 8
            target_label: __shard__
            action: hashmod
          - action: keep
            source_labels: [__shard__]
            regex: 3
    """

  static let nginx = #"""
    clients:
      - url: http://127.0.0.1:3100/loki/api/v1/push
        external_labels: {cluster: west, rack: 7}
    scrape_configs:
      - job_name: nginx
        encoding: utf-8
        decompression: {enabled: true, initial_delay: 10s, format: gz}
        static_configs:
          - labels: {job: nginx, __path__: /var/log/nginx/access.log}
        pipeline_stages:
          - regex:
              expression: '^(?P<ip>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<method>\w+)'
          - timestamp:
              source: time
              format: 02/Jan/2006:15:04:05 -0700
              location: Europe/Berlin
          - drop:
              source: ip
              value: 127.0.0.1
          - replace:
              expression: 'password=(\S+)'
              replace: '****'
          - metrics:
              lines_total: {type: Counter, config: {match_all: true, action: inc}}
    """#

  static let client = """
    clients:
      - name: main
        url: https://loki.example.net/loki/api/v1/push
        headers: {X-Team: a}
        tenant_id: t1
        batchwait: 2s
        batchsize: 204800
        basic_auth: {username: u, password_file: /run/secrets/p}
        proxy_url: http://proxy:8080
        follow_redirects: false
        enable_http2: false
        tls_config:
          ca_file: ca.pem
          cert_file: c.pem
          key_file: k.pem
          server_name: loki
          insecure_skip_verify: true
        backoff_config: {min_period: 100ms, max_period: 10s, max_retries: 20}
        drop_rate_limited_batches: true
        timeout: 30s
      - url: http://b/loki/api/v1/push
        bearer_token_file: /run/token
      - url: http://c/loki/api/v1/push
        oauth2:
          client_id: id
          client_secret: s
          scopes: [a, b]
          token_url: http://auth/token
          endpoint_params: {audience: x}
    queue: {dir: /var/lib/agent/queue, max_bytes: 256MB, when_full: drop_oldest}
    """

  static let receivers = """
    clients: [{url: http://l/loki/api/v1/push}]
    scrape_configs:
      - job_name: syslog
        syslog: {listen_address: 0.0.0.0:1514, labels: {job: syslog}}
      - job_name: push
        loki_push_api:
          server: {http_listen_port: 3500}
      - job_name: gelf
        gelf:
    """

  static let java = """
    clients: [{url: http://l/loki/api/v1/push}]
    scrape_configs:
      - job_name: java
        static_configs: [{labels: {__path__: /srv/*/log/app.log}}]
        pipeline_stages:
          - multiline: {firstline: '^\\d{4}-', max_wait_time: 3s, max_lines: 500}
          - logfmt: {mapping: {level: lvl, trace: }}
          - structured_metadata: {trace: }
          - tenant: {source: level}
          - labelallow: [level, filename]
          - pack: {labels: [level]}
    """
}
