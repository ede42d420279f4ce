import Foundation
import Testing

@testable import CommandLineTool

@Suite struct TraceRenamingTests {
  private let path = FileManager.default.temporaryDirectory.appending(path: "ids-\(UUID())").path

  private func removeFiles() {
    for name in [path, path + ".source"] { try? FileManager.default.removeItem(atPath: name) }
  }

  @Test func listsOfDifferentReplaysAreRefused() throws {
    defer { removeFiles() }
    let id = String(repeating: "0a", count: 16) + "\n"
    try (id + id).write(toFile: path + ".source", atomically: true, encoding: .utf8)
    try id.write(toFile: path, atomically: true, encoding: .utf8)
    let failure = #expect(throws: CommandFailure.self) { try TraceRenaming(file: path) }
    #expect(failure?.message.hasPrefix("\(path) has 1 ids and \(path).source 2: ") == true)
  }

  @Test func onlyWholeIDsAreRenamed() throws {
    defer { removeFiles() }
    let (old, new) = (String(repeating: "0a", count: 16), String(repeating: "1b", count: 16))
    try "\(old)\n".write(toFile: path + ".source", atomically: true, encoding: .utf8)
    try "\(new)\n".write(toFile: path, atomically: true, encoding: .utf8)
    let renaming = try TraceRenaming(file: path)
    var text = Array("trace_id=\(old) x\n{\"id\":\"\(old)\"}\n\(old)0\n0\(old)\n\(old)".utf8)
    renaming.apply(to: &text)
    #expect(
      String(decoding: text, as: UTF8.self)
        == "trace_id=\(new) x\n{\"id\":\"\(new)\"}\n\(old)0\n0\(old)\n\(new)")
  }
}
