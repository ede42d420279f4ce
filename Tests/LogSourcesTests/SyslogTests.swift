import Glibc
import LogSources
import TelemetryModel
import Testing

@Suite struct SyslogTests {
  /// Frames of a stream that comes in pieces of these sizes, in turn.
  func frames(_ text: String, pieces: [Int], bytesMax: Int = 8192) throws -> [String] {
    var framing = SyslogFraming(bytesMax: bytesMax)
    var out: [String] = []
    let take: (UnsafeRawBufferPointer) -> Void = { out.append(String(decoding: $0, as: UTF8.self)) }
    let bytes = Array(text.utf8)
    var at = 0
    var turn = 0
    while at < bytes.count {
      let end = min(bytes.count, at + pieces[turn % pieces.count])
      try Array(bytes[at..<end]).withUnsafeBytes { try framing.append($0, message: take) }
      at = end
      turn += 1
    }
    framing.finish(message: take)
    return out
  }

  @Test func framesDoNotDependOnHowTheStreamIsCut() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var text = ""
      var wanted: [String] = []
      for _ in 0..<Int.random(in: 1...20, using: &generator) {
        let isCounted = Bool.random(using: &generator)
        let filling = String(repeating: "x", count: Int.random(in: 0...40, using: &generator))
        let message = "<13>1 - - - - - - " + filling + (isCounted ? "\n<line> two" : "")
        wanted.append(message)
        text += isCounted ? "\(message.utf8.count) \(message)" : message + "\n"
      }
      let pieces = (0..<3).map { _ in Int.random(in: 1...50, using: &generator) }
      #expect(try frames(text, pieces: pieces) == wanted)
    }
  }

  @Test func whatEndsALine() throws {
    #expect(
      try frames("<1>a\n<2>b\0<3>c\r\n\n<4>d", pieces: [100]) == ["<1>a", "<2>b", "<3>c", "<4>d"])
  }

  @Test(arguments: [1, 3, 7, 100])
  func overlongLinesAreCut(piece: Int) throws {
    let text = "<1>" + String(repeating: "a", count: 50) + "\n<2>b\n"
    let got = try frames(text, pieces: [piece], bytesMax: 10)
    #expect(got == ["<1>aaaaaaa", "<2>b"])
  }

  /// What came before was copied and searched again with every read.
  @Test func aLongLineInVerySmallPiecesTakesNoTime() throws {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = now()
    let line = "<1>" + String(repeating: "a", count: 300_000)
    #expect(try frames("\(line)\n<2>b\n", pieces: [3], bytesMax: 1 << 20) == [line, "<2>b"])
    let counted = "300003 " + line
    #expect(try frames("\(counted)<2>b\n", pieces: [3], bytesMax: 1 << 20) == [line, "<2>b"])
    let seconds = now() - start
    #expect(seconds < 10, "\(seconds) s of processor time")
  }

  @Test func malformedCountsEndTheStream() {
    #expect(throws: SyslogFraming.Failure.tooLong(bytes: 11, bytesMax: 10)) {
      try frames("11 <1>aaaaaaaa", pieces: [100], bytesMax: 10)
    }
    #expect(throws: SyslogFraming.Failure.malformedCount) { try frames("12x<1>a", pieces: [1]) }
    #expect(throws: SyslogFraming.Failure.malformedCount) {
      try frames("99999999999999999999 <1>a", pieces: [100])
    }
  }

  func read(_ text: String, _ format: SyslogFormat = .auto) -> (SyslogMessage, [UInt8])? {
    let bytes = Array(text.utf8)
    // 2026-11-21T00:00:00Z
    let now = Timestamp(seconds: 1_795_219_200)
    return bytes.withUnsafeBytes { SyslogMessage($0, format: format, now: now) }.map { ($0, bytes) }
  }

  func text(_ range: Range<Int>?, _ bytes: [UInt8]) -> String? {
    range.map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  /// The examples of RFC 5424, section 6.5.
  @Test func examplesOfRFC5424() throws {
    let (one, bytes) = try #require(
      read(
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - "
          + "\u{feff}'su root' failed for lonvick on /dev/pts/8", .rfc5424))
    #expect(one.facilityName == "auth" && one.severityName == "critical")
    #expect(one.timestamp == Timestamp(nanoseconds: 1_065_910_455_003_000_000))
    #expect(text(one.host, bytes) == "mymachine.example.com")
    #expect(text(one.application, bytes) == "su")
    #expect(one.process == nil)
    #expect(text(one.messageID, bytes) == "ID47")
    #expect(text(one.text, bytes) == "'su root' failed for lonvick on /dev/pts/8")

    let (two, bytes2) = try #require(
      read(
        "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make "
          + "the do-nuts."))
    #expect(two.facilityName == "local4" && two.severityName == "notice")
    #expect(two.timestamp == Timestamp(nanoseconds: 1_061_727_255_000_003_000))
    #expect(text(two.process, bytes2) == "8710")
    #expect(text(two.text, bytes2) == "%% It's time to make the do-nuts.")

    let (four, bytes4) = try #require(
      read(
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
          + "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"]"
          + "[examplePriority@32473 class=\"h\\\"i\\]g\\\\h\"] text"))
    #expect(
      four.structuredData.map { "\($0.element) \($0.name)=\($0.value)" } == [
        "exampleSDID@32473 iut=3", "exampleSDID@32473 eventSource=Application",
        "exampleSDID@32473 eventID=1011", "examplePriority@32473 class=h\"i]g\\h",
      ])
    #expect(text(four.text, bytes4) == "text")
    #expect(try #require(read("<165>1 - - - - - [a@1 b=\"c\"]")).0.text == nil)
    #expect(try #require(read("<165>1 - - - - - -")).0.text == nil)
  }

  /// RFC 3164, section 5.4, and what local senders write without a host.
  @Test func oldMessages() throws {
    let (one, bytes) = try #require(
      read("<34>Oct 11 22:14:15 mymachine su: 'su root' failed", .rfc3164))
    #expect(one.timestamp == Timestamp(seconds: 1_791_756_855))
    #expect(text(one.host, bytes) == "mymachine")
    #expect(text(one.application, bytes) == "su")
    #expect(text(one.text, bytes) == "'su root' failed")
    let (two, bytes2) = try #require(read("<13>Nov  1 00:00:01 tag[42]: hello: world"))
    #expect(two.host == nil)
    #expect(text(two.application, bytes2) == "tag")
    #expect(text(two.process, bytes2) == "42")
    #expect(text(two.text, bytes2) == "hello: world")
    let (three, bytes3) = try #require(read("<13>2026-11-20T23:59:59.5+01:00 host tag: x"))
    #expect(three.timestamp == Timestamp(nanoseconds: 1_795_215_599_500_000_000))
    #expect(text(three.host, bytes3) == "host" && text(three.text, bytes3) == "x")
    let (four, bytes4) = try #require(read("<13>no header at all"))
    #expect(four.timestamp == nil && four.host == nil)
    #expect(text(four.text, bytes4) == "no header at all")
    // A message of the next year's first day, seen from this year's end, and the reverse.
    #expect(read("<13>Jan  1 00:00:00 h t: x")?.0.timestamp == Timestamp(seconds: 1_798_761_600))
  }

  @Test func whatIsNoMessage() {
    for text in ["", "<", "<13", "<192>1 - - - - - - x", "13>1 ", "<1234>1 - - - - - - x", "plain"]
    {
      #expect(read(text) == nil, "\(text)")
    }
    #expect(read("<13>Oct 11 22:14:15 h t: x", .rfc5424) == nil)
  }

  /// Nothing that comes in makes it trap, whatever is cut off or changed.
  @Test func damagedMessagesAreRead() {
    let seeds = [
      "<165>1 2003-10-11T22:14:15.003Z m e 1 ID47 [a@1 b=\"c\\\"\" d=\"e\"][f g=\"h\"] \u{feff}x",
      "<13>Nov  1 00:00:01 host tag[42]: hello", "<13>2026-11-20T23:59:59Z h t: x",
    ]
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var bytes = Array((seeds.randomElement(using: &generator) ?? "").utf8)
      for _ in 0..<Int.random(in: 0...4, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] =
          UInt8.random(in: 0...255, using: &generator)
      }
      bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
      for format in SyslogFormat.allCases {
        let message = bytes.withUnsafeBytes { SyslogMessage($0, format: format, now: .zero) }
        for range in [message?.text, message?.host, message?.application, message?.process] {
          if let range { #expect(range.upperBound <= bytes.count) }
        }
      }
    }
  }
}
