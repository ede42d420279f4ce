import Compression
import LinuxIO
@testable import LogSources
import TestSupport

/// The encodings that a file is read in.
private let encodings = ["utf-8", "iso-8859-1", "utf-16", "utf-16le", "utf-16be", "windows-1252"]

/// A file in one of the encodings, read in small steps: the lines are those that a reading of the
/// whole tells apart, and their places follow one another. The first byte tells how.
func fuzzLineReader(_ input: UnsafeRawBufferPointer) {
  guard let mode = input.first else { return }
  let bytes = Array(input.dropFirst())
  let name = encodings[Int(mode & 7) % encodings.count]
  guard let encoding = LineEncoding(name: name), let file = file(of: bytes) else { return }
  var limits = LineReader.Limits()
  limits.chunkBytes = 16 + Int(mode >> 4)
  limits.lineBytesMax = mode & 8 == 0 ? 4096 : 24
  var reader = LineReader(limits: limits, encoding: encoding)
  let identity = FileIdentity(device: 1, inode: 1)
  var position = FilePosition(path: "file", job: "fuzz", identity: identity)
  var counters = FileCounters()
  var read: [[UInt8]] = []
  var end: Int64 = 0
  func take(_ line: UnsafeRawBufferPointer, _ start: Int64, _ length: Int32) -> Bool {
    precondition(start >= end && length > 0, "lines overlap")
    end = start + Int64(length)
    read.append(Array(line))
    return true
  }
  steps: while true {
    guard
      let outcome = try? reader.readChunk(file, &position, counters: &counters, line: take)
    else { preconditionFailure("a file in memory cannot be read") }
    switch outcome {
    case .more: continue
    case .atEnd: break steps
    case .paused, .truncated: preconditionFailure("a file changed that did not")
    }
  }
  precondition((try? reader.verify(file, position)) == true, "the place is not known again")
  let overlong = counters.overlongLines
  guard
    (try? reader.readPartialLine(file, &position, counters: &counters, line: take)) != nil,
    position.offset <= Int64(bytes.count)
  else { preconditionFailure("a file's end cannot be read") }
  guard overlong == 0, let expected = decodedLines(bytes, name) else { return }
  precondition(read == expected.map { Array($0.utf8) }, "other lines than in the whole")
}

/// The lines of a whole file; nil when its bytes are no text of the encoding.
private func decodedLines(_ bytes: [UInt8], _ name: String) -> [String]? {
  var text: String
  switch name {
  case "utf-8":
    guard let whole = String(validating: bytes, as: UTF8.self) else { return nil }
    text = whole
  case "iso-8859-1": text = String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  case "windows-1252": return nil
  default:
    guard bytes.count % 2 == 0 else { return nil }
    let isBig = name == "utf-16be" || name == "utf-16" && bytes.starts(with: [0xfe, 0xff])
    let units = stride(from: 0, to: bytes.count, by: 2).map { at in
      let (first, second) = (UInt16(bytes[at]), UInt16(bytes[at + 1]))
      return isBig ? first << 8 | second : second << 8 | first
    }
    guard let whole = String(validating: units, as: UTF16.self) else { return nil }
    text = whole
  }
  var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
  if lines.last?.isEmpty == true { lines.removeLast() }
  return lines.map { line in
    var line = line
    if line.last == "\r" { line = line.dropLast() }
    // A line that begins with it has a byte order mark.
    if name.hasPrefix("utf-16"), line.first == "\u{feff}" { line = line.dropFirst() }
    return String(line)
  }
}

/// A compressed file read at places back and forth: the bytes are those of one reading. The first
/// byte tells the format and whether the bytes are compressed first or are a file as they are.
func fuzzInflatedFile(_ input: UnsafeRawBufferPointer) {
  guard input.count >= 4 else { return }
  let mode = input[0]
  var bytes = Array(input[3...])
  let format = InflateStream.Format.allCases[Int(mode & 3) % 3]
  let places = [Int64(input[1]), Int64(input[2]) * 3, 0, Int64(input[1]) / 2]
  if mode & 4 != 0, format != .bzip2 {
    let original = bytes
    bytes = (try? Zlib.compress(bytes, format == .gzip ? .gzip : .zlib)) ?? []
    if mode & 8 == 0 {
      precondition(inflated(bytes, format) == original, "a file changes when it is packed")
    } else if !bytes.isEmpty {
      bytes[Int(input[1]) % bytes.count] ^= input[2]
    }
  }
  guard let whole = inflated(bytes, format), let file = file(of: bytes),
    let again = try? InflatedFile(file, format)
  else { return }
  for place in places {
    guard let part = try? again.readBytes(at: place, count: 40) else {
      preconditionFailure("a file in memory cannot be read")
    }
    precondition(part.elementsEqual(whole.dropFirst(Int(place)).prefix(40)), "other bytes")
  }
}

/// What a file inflates to, up to where it is damaged.
private func inflated(_ bytes: [UInt8], _ format: InflateStream.Format) -> [UInt8]? {
  guard let file = file(of: bytes), let inflated = try? InflatedFile(file, format) else {
    return nil
  }
  return try? inflated.readBytes(at: 0, count: 1 << 16)
}

private func file(of bytes: [UInt8]) -> (any File)? {
  let disk = CrashingFileSystem()
  guard let file = try? disk.open("file", .create), (try? file.write(bytes, at: 0)) != nil else {
    return nil
  }
  return file
}
