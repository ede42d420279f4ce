import Configuration
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

  @Test func whatIsCheckedIsTheConfiguration() {
    let checked = configurationFaults("server: {data_dir: /x}\n", "c.yml", [:])
    #expect(checked.rest?.server?.dataDirectory == "/x")
  }

  @Test func variablesThatAreNotSetAreTold() {
    let text = "server:\n  data_dir: ${NOSUCH}/x\n  # ${NOR_THIS}\n"
    let checked = configurationFaults(text, "c.yml", [:])
    #expect(checked.faults.isEmpty)
    #expect(checked.rest?.server?.dataDirectory == "/x")
    #expect(
      checked.remarks == [
        "c.yml:2:13: environment variable NOSUCH is not set: nothing stands in its place; "
          + "`${NOSUCH:-}` says that this is meant"
      ])
    #expect(configurationFaults(text, "c.yml", ["NOSUCH": ""]).remarks.isEmpty)
  }
}
