import Agent
import Configuration
import HTTP
import LinuxIO
import Synchronization
import TelemetryModel
import WireFormats

/// Runs an agent that sends nothing to its servers and changes none of its files.
///
/// The agent is the real one: its queue and positions stand in a folder of their own, which is
/// taken away in the end, and its only client pushes to a listener on this machine that shows
/// what comes. It begins where the positions file says.
struct DryRun: Sendable {
  private let output: any TextOutput
  private let folder: TemporaryFolder
  private let decoder = LokiPushDecoder()

  /// - Parameter parent: where its folder is made, ``TemporaryFolder/parent(of:)``.
  init(_ output: any TextOutput, in parent: String) throws(SystemError) {
    self.output = output
    folder = try TemporaryFolder(named: "sluice-dry-run", in: parent)
  }

  /// The configuration to run, and the listener that it pushes to.
  func prepare(_ original: AgentConfiguration) throws -> (AgentConfiguration, HTTPServer) {
    var configuration = original
    let server = try HTTPServer(registry: MetricsRegistry())
    let listener = try server.listen(
      try SocketAddress.parse("127.0.0.1:0"), name: "dry-run", handler: router.handler)
    var client = ClientConfiguration(
      url: "http://\(listener.address.description)/loki/api/v1/push")
    client.batchWait = .milliseconds(200)
    client.externalLabels = original.clients.first?.externalLabels ?? []
    client.tenantID = original.clients.first?.tenantID ?? ""
    configuration.clients = [client]
    configuration.server.disable = true
    configuration.queue.folder = "\(folder.path)/queue"
    configuration.positions.filename = "\(folder.path)/positions.yaml"
    if let positions = try? readFile(original.positions.filename) {
      try writeFile(configuration.positions.filename, positions)
    }
    return (configuration, server)
  }

  private var router: Router {
    var router = Router()
    router.on(.post, "/loki/api/v1/push") { [self] request, response in
      let body = try await request.body(bytesMax: 256 << 20)
      let push = try decoder.decodeRequest(
        body, version: .v1, contentType: request.headers["content-type"],
        contentEncoding: request.headers["content-encoding"]
      ).push
      show(push, tenant: request.headers["x-scope-orgid"])
      try await response.respond(.noContent)
    }
    return router
  }

  /// Each line with its time, labels and metadata, tabs between.
  private func show(_ push: LokiPush, tenant: String?) {
    for stream in push.streams {
      for row in 0..<stream.count {
        var text = InspectionReport.time(stream.timestamps[row])
        text += "\t" + terminalSafe(stream.labels.description)
        if let tenant { text += "\ttenant=\(terminalSafe(tenant))" }
        let metadata = stream.metadata(row)
        if !metadata.isEmpty { text += "\t" + terminalSafe(Labels(metadata).description) }
        let line = stream.lineBytes[stream.lineRange(row)]
        output.write(text + "\t" + terminalSafe(Array(line)) + "\n")
      }
    }
  }

  /// Takes the folder away.
  func clean() { folder.remove() }
}
