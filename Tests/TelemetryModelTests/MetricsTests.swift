import TelemetryModel
import Testing

struct MetricsTests {
  @Test func `Families are written as Prometheus text`() {
    let registry = MetricsRegistry()
    registry.counter("sluice_b_total", help: "Lines\nseen.", labels: ["tenant": "a\"b\\c\n"]).add(3)
    registry.gauge("sluice_a", help: "Depth.").set(1.5)
    registry.gauge("sluice_c", help: "Read.") { .infinity }
    let expected = """
      # HELP sluice_a Depth.
      # TYPE sluice_a gauge
      sluice_a 1.5
      # HELP sluice_b_total Lines\\nseen.
      # TYPE sluice_b_total counter
      sluice_b_total{tenant="a\\"b\\\\c\\n"} 3
      # HELP sluice_c Read.
      # TYPE sluice_c gauge
      sluice_c +Inf

      """
    #expect(String(decoding: registry.exposition(), as: UTF8.self) == expected)
  }

  @Test func `A histogram's buckets are cumulative and inclusive`() {
    let registry = MetricsRegistry()
    let histogram = registry.histogram("sluice_h", help: "H.", bounds: [1, 2])
    for value in [0.5, 1, 1.5, 9] { histogram.observe(value) }
    let text = String(decoding: registry.exposition(), as: UTF8.self)
    #expect(text.contains("sluice_h_bucket{le=\"1\"} 2\n"))
    #expect(text.contains("sluice_h_bucket{le=\"2\"} 3\n"))
    #expect(text.contains("sluice_h_bucket{le=\"+Inf\"} 4\n"))
    #expect(text.contains("sluice_h_sum 12\nsluice_h_count 4\n"))
  }

  @Test func `The same name and labels give the same counter, and additions add up`() async {
    let registry = MetricsRegistry()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<1000 { registry.counter("sluice_x_total", help: "X.").add() }
          for _ in 0..<1000 { registry.gauge("sluice_g", help: "G.").add(0.5) }
        }
      }
    }
    #expect(registry.counter("sluice_x_total", help: "X.").value == 8000)
    #expect(registry.gauge("sluice_g", help: "G.").value == 4000)
  }

  @Test func `Label sets beyond the cap share one series`() {
    let registry = MetricsRegistry()
    for index in 0..<(MetricsRegistry.seriesMax + 10) {
      registry.counter("sluice_y_total", help: "Y.", labels: ["peer": "\(index)"]).add()
    }
    let shared = registry.counter("sluice_y_total", help: "Y.", labels: ["peer": "unseen"])
    #expect(shared.value == 10)
  }
}
