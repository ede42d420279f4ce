import Configuration
import Testing

@Suite struct ConfigurationFaultTests {
  private func faults(_ text: String) -> [String] {
    Configuration.faults(text: text, name: "c.yml", environment: ["HOME": "/root"])
      .map(\.description)
  }

  private func places(_ text: String) -> [String] {
    faults(text).map { $0.split(separator: ":").prefix(3).joined(separator: ":") }
  }

  @Test func aGoodFileHasNone() {
    #expect(faults("server:\n  data_dir: /tmp/x\n").isEmpty)
  }

  @Test func allAreToldInTheOrderOfLines() {
    let text = """
      server:
        data_dirr: x
        retention: soon
        listen:
          loki: nowhere
          otlp_grpc: 127.0.0.1:4317
        http:
          max_connections: -1
          max_streams: many
      agent:
        clients:
          - url: http://127.0.0.1:3100/loki/api/v1/push
            batchwait: never
        scrape_configs:
          - job_name: a
            pipeline_stages:
              - jsn: {}
              - json:
                  expressions: {}
              - nope: {}
          - job_name: a
            static_configs:
              - targets: [localhost]
                labls: {}
      extra: 1
      """
    #expect(
      places(text) == [
        "c.yml:2:3", "c.yml:3:14", "c.yml:5:11", "c.yml:8:22", "c.yml:9:18", "c.yml:13:18",
        "c.yml:17:11", "c.yml:20:11", "c.yml:21:7", "c.yml:24:11", "c.yml:25:1",
      ])
    #expect(faults(text)[0].contains("did you mean `data_dir`"))
  }

  @Test func whatLacksATakenOutSettingIsNotTold() {
    // Without its address a client has none: that is the same fault.
    let text = """
      agent:
        clients:
          - url: [a, b]
        scrape_configs: []
      """
    #expect(places(text) == ["c.yml:3:12"])
    #expect(places("server: 7\n") == ["c.yml:1:9"])
  }

  @Test func brokenYAMLIsOneFault() {
    #expect(faults("server: [\n").count == 1)
    #expect(faults("server:\n  data_dir: ${X:?is needed}\n").count == 1)
    #expect(faults("").count == 1)
  }
}
