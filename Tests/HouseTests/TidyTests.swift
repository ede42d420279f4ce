import Foundation
import Testing

/// The house rules that a program can check, over every Swift file of the project.
@Suite struct TidyTests {
  /// Files that may break a rule, each with its reason. Keep it short.
  static let exceptions: [String: Set<Rule>] = [
    // The manifest must refuse to load on a wrong layer, and has no other way to say so.
    "Package.swift": [.fatalError]
  ]

  enum Rule: String {
    case fileLength, functionLength, lineLength, bannedImport, publicDeclaration, forceTry
    case fatalError, uncheckedSendable, leftover, bannedName, ownerlessTask
  }

  struct Finding: CustomStringConvertible {
    var rule: Rule
    var file: String
    var line: Int
    var text: String
    var description: String { "\(file):\(line): \(rule.rawValue): \(text)" }
  }

  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Paths of all Swift files below `folder`, relative to the root.
  static func swiftFiles(_ folder: String) -> [String] {
    let base = root.appending(path: folder)
    guard let walk = FileManager.default.enumerator(atPath: base.path()) else { return [] }
    return walk.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
      .map { "\(folder)/\($0)" }.sorted()
  }

  @Test func everySourceKeepsTheRules() throws {
    let files = Self.swiftFiles("Sources") + Self.swiftFiles("Tests") + ["Package.swift"]
    try #require(files.count > 50, "the tidy test does not see the project")
    var findings: [Finding] = []
    for file in files {
      let text = try String(contentsOf: Self.root.appending(path: file), encoding: .utf8)
      findings += check(file, text).filter { Self.exceptions[file]?.contains($0.rule) != true }
    }
    for finding in findings { Issue.record("\(finding)") }
  }

  @Test func foldersStaySmallAndFlat() throws {
    var counts: [String: Int] = [:]
    for file in Self.swiftFiles("Sources") {
      let parts = file.split(separator: "/").dropLast()
      #expect(parts.count <= 3, "\(file) lies deeper than two folders below its module")
      counts[parts.joined(separator: "/"), default: 0] += 1
    }
    for (folder, count) in counts {
      #expect(count <= 25, "\(folder) holds \(count) files; 25 is the most")
    }
  }

  @Test func theCheckerFindsEachFault() {
    let long = String(repeating: "x", count: 101)
    let body = (1...71).map { "    step(\($0))" }.joined(separator: "\n")
    let faults: [(Rule, String)] = [
      (.lineLength, "let a = \"\(long)\""), (.functionLength, "  func f() {\n\(body)\n  }"),
      (.fileLength, String(repeating: "let a = 1\n", count: 601)),
      (.bannedImport, "import Foundation"), (.publicDeclaration, "public struct A {}"),
      (.forceTry, "let a = try" + "! b()"), (.fatalError, "fatal" + "Error()"),
      (.uncheckedSendable, "@unchecked " + "Sendable"), (.leftover, "// TO" + "DO later"),
      (.ownerlessTask, "Task.detached" + " { }"),
    ]
    for (rule, text) in faults {
      #expect(check("Sources/Bytes/A.swift", text).contains { $0.rule == rule }, "\(rule)")
    }
    #expect(check("Sources/Bytes/StringUtils.swift", "").contains { $0.rule == .bannedName })
    #expect(check("Sources/Bytes/A.swift", "let a = 1\n").isEmpty)
  }

  private func check(_ file: String, _ text: String) -> [Finding] {
    let isTest = file.hasPrefix("Tests/")
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var out: [Finding] = []
    func find(_ rule: Rule, _ line: Int, _ what: some StringProtocol) {
      out.append(Finding(rule: rule, file: file, line: line, text: String(what.prefix(100))))
    }
    let fileMax = isTest ? 900 : 600
    if lines.count > fileMax { find(.fileLength, lines.count, "more than \(fileMax) lines") }
    let name = file.split(separator: "/").last ?? ""
    for banned in ["Utils", "Helper", "Manager", "Common", "Misc"] where name.contains(banned) {
      find(.bannedName, 1, name)
    }
    for (index, line) in lines.enumerated() {
      if line.count > 100 { find(.lineLength, index + 1, "\(line.count) columns") }
      checkWords(file, line, isTest) { find($0, index + 1, line) }
    }
    checkFunctions(lines) { find(.functionLength, $0, "\($1) lines") }
    return out
  }

  private func checkWords(_ file: String, _ line: Substring, _ isTest: Bool, find: (Rule) -> Void) {
    let code = line.trimmingCharacters(in: .whitespaces)
    if code.contains("FIX" + "ME") || code.contains("TO" + "DO") || code.contains("XX" + "X ") {
      find(.leftover)
    }
    if code.hasPrefix("//") || isTest { return }
    if code.contains("try" + "!") { find(.forceTry) }
    if code.contains("fatal" + "Error(") { find(.fatalError) }
    if code.contains("@unchecked " + "Sendable") { find(.uncheckedSendable) }
    if code.contains("Task." + "detached") { find(.ownerlessTask) }
    if code.hasPrefix("public ") || code.hasPrefix("open class") { find(.publicDeclaration) }
    let imports = code.split(separator: " ").drop { $0 != "import" }
    if let module = imports.dropFirst().first {
      if ["Foundation", "Dispatch", "FoundationEssentials"].contains(module) {
        find(.bannedImport)
      }
      let mayCallLibc = ["Sources/LinuxIO/", "Sources/CommandLineTool/"]
      if module == "Glibc", !mayCallLibc.contains(where: { file.hasPrefix($0) }) {
        find(.bannedImport)
      }
    }
  }

  /// Finds functions by their indentation, which the formatter guarantees.
  private func checkFunctions(_ lines: [Substring], found: (Int, Int) -> Void) {
    var open: (line: Int, indent: Int)?
    for (index, line) in lines.enumerated() {
      let indent = line.prefix { $0 == " " }.count
      let code = line.dropFirst(indent)
      if let start = open, indent == start.indent, code.hasPrefix("}") {
        if index - start.line + 1 > 70 { found(start.line + 1, index - start.line + 1) }
        open = nil
      }
      let isFunction =
        code.contains("func ") || code.hasPrefix("init") || code.contains(" init(")
      if isFunction, !code.hasPrefix("//"), !code.hasSuffix("}") { open = (index, indent) }
    }
  }
}
