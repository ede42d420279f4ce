import Compression
package import LinuxIO

extension Request {
  /// Bodies at most this long are inflated on the loop itself.
  private static let inlineBytesMax = 32 << 10

  /// The body with its `Content-Encoding` taken off, under two limits.
  ///
  /// Known are gzip, deflate (zlib or bare), zstd, snappy (blocks) and identity, one at a time; a
  /// 415 names others. The body as sent has `bytesMax` bytes at most and inflates to
  /// `inflatedBytesMax` at most: 413 beyond, 400 where it is malformed. Larger bodies are inflated
  /// on `executor` where one is given.
  package func decodedBody(
    bytesMax: Int, inflatedBytesMax: Int, on executor: BlockingExecutor? = nil
  ) async throws(HTTPError) -> [UInt8] {
    let coding = try contentCoding()
    let body = try await body(bytesMax: bytesMax)
    guard let coding, !body.isEmpty else {
      guard body.count <= inflatedBytesMax else { throw .bodyTooLarge(inflatedBytesMax) }
      return body
    }
    if let executor, body.count > Self.inlineBytesMax {
      return try await executor.run { () throws(HTTPError) in
        try coding.inflate(body, bytesMax: inflatedBytesMax)
      }
    }
    return try coding.inflate(body, bytesMax: inflatedBytesMax)
  }

  private func contentCoding() throws(HTTPError) -> ContentCoding? {
    let names = headers.values("content-encoding").flatMap { $0.split(separator: ",") }
      .map { String(decoding: trimBlanks($0.utf8), as: UTF8.self).lowercased() }
      .filter { !$0.isEmpty && $0 != "identity" }
    guard let name = names.first else { return nil }
    guard names.count == 1, let coding = ContentCoding(name: name) else {
      throw HTTPError(
        status: .unsupportedMediaType,
        "the content encoding “\(names.joined(separator: ", "))” is not known; "
          + "send gzip, deflate, zstd, snappy or identity")
    }
    return coding
  }
}

/// A coding of bodies; RFC 9110, section 8.4.1, and what the field uses beside.
enum ContentCoding: Sendable {
  case gzip, deflate, zstd, snappy

  init?(name: String) {
    switch name {
    case "gzip", "x-gzip": self = .gzip
    case "deflate": self = .deflate
    case "zstd": self = .zstd
    case "snappy": self = .snappy
    default: return nil
    }
  }

  func inflate(_ bytes: [UInt8], bytesMax: Int) throws(HTTPError) -> [UInt8] {
    do throws(CompressionError) {
      switch self {
      case .gzip: return try Zlib.decompress(bytes, .gzip, bytesMax: bytesMax)
      case .deflate: return try Self.inflateDeflate(bytes, bytesMax: bytesMax)
      case .zstd: return try Zstd.decompress(bytes, bytesMax: bytesMax)
      case .snappy: return try Snappy.decompress(bytes, bytesMax: bytesMax)
      }
    } catch {
      switch error {
      case .tooLarge(let bytesMax):
        throw HTTPError(
          .bodyTooLarge, status: .contentTooLarge,
          "the request's body inflates to more than \(bytesMax) bytes; send it in smaller parts")
      case .corrupt(let format):
        throw .malformed("the request's body is not valid \(format)")
      case .failed(let format):
        throw HTTPError(
          status: .serviceUnavailable, "there was no memory to inflate \(format); try again")
      }
    }
  }

  /// The standard says zlib; some clients send bare Deflate.
  private static func inflateDeflate(_ bytes: [UInt8], bytesMax: Int) throws(CompressionError)
    -> [UInt8]
  {
    let isZlib =
      bytes.count >= 2 && bytes[0] & 0x0f == 8 && (Int(bytes[0]) << 8 | Int(bytes[1])) % 31 == 0
    return try Zlib.decompress(bytes, isZlib ? .zlib : .raw, bytesMax: bytesMax)
  }
}
