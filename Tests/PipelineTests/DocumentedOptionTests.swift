import Configuration
import LinuxIO
import Pipeline
import TelemetryModel
import Testing

/// Every stage with every option that Promtail's documentation lists, in one configuration as a
/// user writes it: all of it loads and runs.
@Suite struct DocumentedOptionTests {
  private static let text = """
    server: {http_listen_port: 9080, grpc_listen_port: 0, log_level: info}
    positions: {filename: /tmp/positions.yaml, sync_period: 10s, ignore_invalid_yaml: true}
    clients:
      - {url: "http://localhost:3100/loki/api/v1/push", tenant_id: t, batchwait: 1s}
    scrape_configs:
      - job_name: parsing
        pipeline_stages:
          - docker: {}
          - cri:
              max_partial_lines: 10
              max_partial_line_size: 1024
              max_partial_line_size_truncate: true
          - regex: {expression: '^(?P<time>\\S+) (?P<rest>.*)$', source: log}
          - json:
              expressions: {a: , b: c.d, e: "f[?g=='h'] | [0]"}
              source: rest
              drop_malformed: false
          - logfmt: {mapping: {x: , y: z}, source: rest}
          - replace:
              expression: 'password=(\\S+)'
              source: rest
              replace: '{{ .Value | Hash "s" }}'
          - multiline: {firstline: '^\\d', max_lines: 128, max_wait_time: 3s}
          - eventlogmessage: {source: message, overwrite_existing: true, drop_invalid_labels: true}
      - job_name: transforming
        pipeline_stages:
          - template:
              source: a
              template: '{{ ToLower .Value }} {{ .Entry }} {{ default "x" .b }}'
          - pack: {labels: [a, b], ingest_timestamp: false}
          - decolorize:
          - sampling: {rate: 1}
          - timestamp:
              source: time
              format: RFC3339
              fallback_formats: [UnixNs, '2006-01-02']
              location: UTC
              action_on_failure: skip
          - output: {source: rest}
          - labels: {a: , b: c}
          - labelallow: [a, b, job]
          - labeldrop: [b]
          - static_labels: {s: fixed}
          - tenant: {source: a}
          - tenant: {label: s}
          - tenant: {value: t2}
          - structured_metadata: {a: , q: c}
          - non_indexed_labels: {z: }
      - job_name: filtering
        pipeline_stages:
          - match:
              selector: '{job="x", env=~"a|b", host!="c", zone!~"d"} |= "y" |~ "z.*" != "n" !~ "m"'
              stages: [{json: {expressions: {k: }}}, {match: {selector: '{k="v"}', action: drop}}]
              action: keep
              pipeline_name: inner
              drop_counter_reason: matched
          - drop: {source: [a, b], separator: ';', expression: '^x;y$', drop_counter_reason: r}
          - drop: {source: level, value: debug}
          - drop: {older_than: 24h, longer_than: 8KB}
          - limit: {rate: 10, burst: 20, drop: true}
          - limit: {rate: 10, burst: 20, drop: true, by_label_name: job, max_distinct_labels: 100}
          - metrics:
              lines_total:
                type: Counter
                description: lines
                prefix: my_
                source: a
                max_idle_duration: 24h
                config: {match_all: true, action: inc}
              bytes_total:
                type: Counter
                config: {match_all: true, count_entry_bytes: true, action: add}
              size:
                type: Gauge
                config: {action: set, value: "5"}
              took:
                type: Histogram
                source: t
                config: {buckets: [1, 10.5, 100], value: x}
    """

  @Test func everyOptionLoadsAndRuns() throws {
    let configuration = try Configuration.parse(
      text: Self.text, name: "promtail.yml", environment: [:])
    let agent = try #require(configuration.agent)
    #expect(agent.unsupported.isEmpty)
    #expect(agent.scrapeConfigs.count == 3)
    let used = Set(agent.scrapeConfigs.flatMap(\.pipelineStages).map(\.name))
    let alloysOwn: Set = [
      "pattern", "split_json", "truncate", "luhn", "structured_metadata_drop",
    ]
    // Databases of addresses have tests of their own.
    #expect(used == StageConfiguration.names.subtracting(alloysOwn).subtracting(["geoip"]))
    for job in agent.scrapeConfigs {
      let pipeline = try Pipeline(
        stages: job.pipelineStages, jobName: job.jobName, clock: SystemClock())
      var text = "2026-11-21T06:00:00Z {\"a\":1}"
      text.withUTF8 { bytes in
        pipeline.process(
          line: UnsafeRawBufferPointer(bytes), timestamp: .zero, labels: ["job": "x"]
        ) { _ in }
      }
      pipeline.flush { _ in }
    }
  }
}
