import Bytes
import LinuxIO
import LogSources
import Testing

@Suite struct GlobPatternTests {
  /// Pattern, path, and whether doublestar matches them.
  static let goldens: [(String, String, Bool)] = [
    ("/var/log/*.log", "/var/log/a.log", true),
    ("/var/log/*.log", "/var/log/.log", true),
    ("/var/log/*.log", "/var/log/.hidden.log", true),
    ("/var/log/*.log", "/var/log/sub/a.log", false),
    ("/var/log/*.log", "/var/log/a.logs", false),
    ("/var/log/**/*.log", "/var/log/a.log", true),
    ("/var/log/**/*.log", "/var/log/x/a.log", true),
    ("/var/log/**/*.log", "/var/log/x/y/z/a.log", true),
    ("/var/log/**/*.log", "/var/lo/a.log", false),
    ("/var/log/**", "/var/log/x/y", true),
    ("/var/log/**", "/var/log", true),
    ("/**/a", "/a", true),
    ("/**/b/**/c", "/x/b/y/b/c", true),
    ("/**/b/**/c", "/x/b/y/b/d", false),
    ("/a**b/c", "/axxb/c", true),
    ("/a**b/c", "/ax/xb/c", false),
    ("/var/log/{a,b}.log", "/var/log/b.log", true),
    ("/var/log/{a,b}.log", "/var/log/c.log", false),
    ("/var/{log,lib/{x,y}}/f", "/var/lib/y/f", true),
    ("/var/{log,lib/{x,y}}/f", "/var/lib/z/f", false),
    ("/var/log/{,sub/}f", "/var/log/f", true),
    ("/var/log/{,sub/}f", "/var/log/sub/f", true),
    ("/log/?.txt", "/log/ä.txt", true),
    ("/log/?.txt", "/log/ab.txt", false),
    ("/log/[a-c]x", "/log/bx", true),
    ("/log/[a-c]x", "/log/dx", false),
    ("/log/[^a-c]x", "/log/dx", true),
    ("/log/[!a-c]x", "/log/ax", false),
    ("/log/[a\\]]x", "/log/]x", true),
    ("/log/a\\*b", "/log/a*b", true),
    ("/log/a\\*b", "/log/axb", false),
    ("/log/*a*b*c", "/log/xxaxxbxxc", true),
    ("/log/*a*b*c", "/log/xxaxxbxxcx", false),
    ("/log/app.log*", "/log/app.log.1.gz", true),
    ("relative/*.log", "relative/a.log", true),
    ("relative/*.log", "/relative/a.log", false),
    ("./x/*.log", "x/a.log", true),
  ]

  @Test(arguments: goldens) func matchesAsDoublestarDoes(
    pattern: String, path: String, expected: Bool
  ) throws {
    #expect(try GlobPattern(pattern).matches(path) == expected)
  }

  @Test(arguments: ["", "/log/[a", "/log/{a,b", "/log/a\\", "/log/[z-a]"])
  func refusesWhatIsMalformed(pattern: String) {
    #expect(throws: LogSourcesError.self) { try GlobPattern(pattern) }
  }

  @Test func boundsTheAlternativesOfBraces() {
    let bomb = "/" + String(repeating: "{a,b,c,d}", count: 12)
    #expect(throws: LogSourcesError.self) { try GlobPattern(bomb) }
  }

  @Test func manyStarsTakeNoExponentialTime() throws {
    let pattern = "/" + String(repeating: "*a", count: 30) + "b"
    let name = "/" + String(repeating: "a", count: 200)
    #expect(try !GlobPattern(pattern).matches(name))
  }
}

@Suite struct GlobWalkTests {
  @Test func findsWhatMatchesAndTheFoldersToWatch() throws {
    let rig = TailerRig()
    for name in ["a", "a/b", "a/b/c"] {
      try RealFileSystem().createFolder(rig.folder(name))
    }
    for name in ["x.log", "a/x.log", "a/b/x.log", "a/b/c/x.log", "a/b/c/x.txt"] {
      rig.write("1\n", to: name)
    }
    var walk = GlobWalk(RealFileSystem())
    walk.expand(try GlobPattern(rig.folder("**/*.log")))
    let found = walk.matches.map { $0.path.dropFirst(rig.folder.path.count + 1) }
    #expect(Set(found) == ["x.log", "a/x.log", "a/b/x.log", "a/b/c/x.log"])
    #expect(walk.folders.contains(rig.folder("a/b/c")))

    walk = GlobWalk(RealFileSystem())
    walk.expand(try GlobPattern(rig.folder("a/{b,none}/**")))
    #expect(Set(walk.matches.map { $0.path.split(separator: "/").last }) == ["x.log", "x.txt"])
  }

  @Test func linkedFoldersDoNotLoop() throws {
    let rig = TailerRig()
    try RealFileSystem().createFolder(rig.folder("a"))
    rig.write("1\n", to: "a/x.log")
    try makeLink(rig.folder("a/back"), to: rig.folder.path)
    var walk = GlobWalk(RealFileSystem())
    walk.expand(try GlobPattern(rig.folder("**/*.log")))
    #expect(walk.matches.contains { $0.path == rig.folder("a/x.log") })
    #expect(walk.matches.count <= 3)
  }

  @Test func aFileNamedLikeAPatternIsTaken() throws {
    let rig = TailerRig()
    rig.write("1\n", to: "odd[1].log")
    var walk = GlobWalk(RealFileSystem())
    walk.expand(try GlobPattern(rig.folder("odd[1].log")))
    #expect(walk.matches.map(\.path) == [rig.folder("odd[1].log")])
  }
}
