import Testing

@testable import CommandLineTool

@Suite struct ConfigurationCheckTests {
  @Test func settingsAndStagesAreCheckedTogether() {
    let text = """
      server:
        retention: soon
      agent:
        clients: [{url: http://127.0.0.1:3100/loki/api/v1/push}]
        scrape_configs:
          - job_name: app
            pipeline_stages:
              - regex: {expression: '(?P<level>[A-Z+'}
              - jsn: {}
              - timestamp: {source: x, format: RFC3339, location: Nowhere/X}
            kafka: {brokers: [a]}
      """
    let lines = configurationFaults(text, "c.yml", [:]).faults.map { fault in
      fault.split(separator: ":")[1]
    }
    #expect(lines == ["2", "8", "9", "10", "11"])
    #expect(configurationFaults("server: {}\n", "c.yml", [:]).faults.isEmpty)
  }
}
