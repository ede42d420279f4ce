import LinuxIO
import Testing

@Suite struct WholeFileTests {
  private let files = RealFileSystem()

  @Test func aTemporaryFolderIsOwnAndGoesWithAllItHolds() throws {
    let parent = TemporaryFolder.parent(of: ["TMPDIR": "/tmp///"])
    #expect(parent == "/tmp")
    #expect(TemporaryFolder.parent(of: [:]) == "/tmp")
    #expect(TemporaryFolder.parent(of: ["TMPDIR": ""]) == "/tmp")
    let one = try TemporaryFolder(named: "sluice-test", in: parent)
    let other = try TemporaryFolder(named: "sluice-test", in: parent)
    #expect(one.path != other.path)
    try files.createFolders("\(one.path)/a/b")
    try files.writeWhole("\(one.path)/a/b/c", Array("text".utf8))
    one.remove()
    #expect(try files.status(one.path) == nil)
    #expect(try files.status(other.path)?.kind == .folder)
    one.remove()
    other.remove()
  }

  @Test func aFolderThatIsMissingIsNamed() {
    let error = #expect(throws: SystemError.self) {
      _ = try TemporaryFolder(named: "x", in: "/nowhere/at/all")
    }
    #expect(error?.message.contains("/nowhere/at/all/x") == true)
  }

  @Test func filesAreWrittenReplacedAndContinued() throws {
    let folder = try TemporaryFolder(named: "sluice-test", in: "/tmp")
    let path = "\(folder.path)/file"
    let long = [UInt8](repeating: 7, count: 3 << 20)
    try files.writeWhole(path, long)
    #expect(try files.readToEnd(path, bytesMax: 4 << 20) == long)
    try files.writeWhole(path, [1, 2])
    try files.writeWhole(path, [3], appending: true)
    #expect(try files.readToEnd(path, bytesMax: 3) == [1, 2, 3])
    let error = #expect(throws: SystemError.self) { _ = try files.readToEnd(path, bytesMax: 2) }
    #expect(error?.code == SystemError.fileTooLarge)
    // A file of /proc says that it has no bytes.
    #expect(try !files.readToEnd("/proc/self/status", bytesMax: 1 << 20).isEmpty)
  }

  @Test func aLinkIsRemovedAndNotWhatItLeadsTo() throws {
    let kept = try TemporaryFolder(named: "sluice-test", in: "/tmp")
    try files.writeWhole("\(kept.path)/file", [1])
    let folder = try TemporaryFolder(named: "sluice-test", in: "/tmp")
    try files.link("\(kept.path)/file", to: "\(folder.path)/second-name")
    folder.remove()
    #expect(try files.readToEnd("\(kept.path)/file", bytesMax: 8) == [1])
  }
}
