import Foundation
import Testing

@testable import CommandLineTool

/// Commands as a user types them, where nobody answers.
@Suite struct CommandFaultTests {
  private let nobody = "http://127.0.0.1:1"

  private func run(_ words: [String]) async -> (status: CommandLineTool.ExitStatus, errors: String)
  {
    let errors = Recorded()
    let status = await dispatch(
      words, root: rootCommand,
      surroundings: Surroundings(output: Recorded(), errors: errors, environment: [:], now: { 0 }))
    return (status, errors.text)
  }

  @Test(arguments: ["copy", "copy/", "copy//"])
  func aFolderMayBeWrittenWithASlashBehind(_ name: String) async {
    let folder = FileManager.default.temporaryDirectory.path
    let got = await run(
      ["store", "snapshot", "--addr", nobody, "\(folder)/\(UUID())-\(name)"])
    #expect(got.status == .unreachable, "\(got.errors)")
  }

  @Test(arguments: [
    (#"{"foo":1}"#, "a Jaeger document has `data` or `spans`"),
    (
      #"{"data":[{"spans":[{"traceID":"1","spanID":"1"},{"traceID":"1","spanID":"zz"}]}]}"#,
      "no traceID or no spanID"
    ),
    (#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"x"}]}]}]}"#, "a trace id has"),
  ])
  func aFileWithoutRightSpansIsRefused(_ document: String, _ message: String) async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).json")
    try Data(document.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let got = await run(["traces", "import", "--otlp", nobody, file.path])
    #expect(got.status == .failure, "\(got.errors)")
    #expect(got.errors.contains(message), "\(got.errors)")
  }

  @Test(arguments: [
    ("2262-04-11T23:47:16.5Z", "--to is later than times can be told"),
    ("9223372036854775807", "--to is later than times can be told"),
    ("99999999999", "'99999999999' seconds are outside the years 1677 to 2262"),
  ])
  func anEndThatNoTimeTellsIsRefused(_ moment: String, _ message: String) async {
    let got = await run([
      "delete", "create", "--addr", nobody, "--from", "1", "--to", moment, "{a=\"b\"}",
    ])
    #expect(got.status == .usage)
    #expect(got.errors.contains(message), "\(got.errors)")
  }

  @Test func theLastWholeSecondIsAnEnd() async {
    let got = await run([
      "delete", "create", "--addr", nobody, "--from", "1", "--to", "9223372036", "{a=\"b\"}",
    ])
    #expect(got.errors.contains("127.0.0.1:1"), "\(got.errors)")
  }

  @Test(arguments: [
    ["--otlp", "http://127.0.0.1:1", "--rename-traces", "ids"],
    ["--into", "/nonexistent/x", "--trace-ids", "ids"],
  ])
  func optionsOfTheOtherKindOfReplayAreRefused(_ options: [String]) async {
    let got = await run(["replay"] + options + ["file"])
    #expect(got.status == .usage)
    #expect(got.errors.contains(options[2] + " is of"), "\(got.errors)")
  }

  @Test func onlyAQuestionAsksForAnotherPort() {
    let body = Array("404 page not found\n".utf8)
    let question = ServerConnection.refusal(404, body, "/x", isQuestion: true)
    #expect(question.message.contains("is it the right port?"))
    let push = ServerConnection.refusal(404, body, "/loki/api/v1/push")
    #expect(push.message == "the server answered 404 to /loki/api/v1/push: 404 page not found")
    #expect(push.status == .notFound)
  }
}
