import Bytes
import Compression
import TelemetryModel

extension LokiPushDecoder {
  /// Which of Loki's two paths was asked: their JSON bodies differ.
  package enum RequestVersion: Sendable {
    /// `/loki/api/v1/push`.
    case v1
    /// `/api/prom/push`.
    case legacy
  }

  /// Decodes a request's body by its `Content-Type` and `Content-Encoding`, as Loki does and with
  /// its texts; `isSnappy` says that the body, as it came, is the usual compressed protobuf.
  package func decodeRequest(
    _ body: [UInt8], version: RequestVersion, contentType: String?, contentEncoding: String?
  ) throws(LokiPushError) -> (push: LokiPush, snappy: [UInt8]?) {
    let isPlain = ["", "snappy"].contains(contentEncoding ?? "")
    // Loki knows no zstd, and neither do JSON bodies here: its refusal is kept for those.
    let isZstd =
      contentEncoding == "zstd" && contentType?.lowercased().hasPrefix("application/json") != true
    let bytes =
      isPlain
      ? body
      : try inflated(
        body, contentType: contentType, encoding: contentEncoding ?? "", isZstd: isZstd)
    let type: String
    do throws(MediaType.Fault) {
      type = try MediaType.parse(contentType ?? "")
    } catch { throw LokiPushError(error.message) }
    switch (type, version) {
    case (_, _) where isZstd: return (try decodeProtobuf(bytes), nil)
    case ("application/json", .v1): return (try decodeJSON(bytes), nil)
    case ("application/json", .legacy): return (try decodeLegacyJSON(bytes), nil)
    default: return (try decodeSnappy(bytes), bytes)
    }
  }

  /// The body without its `Content-Encoding`; snappy is part of the protobuf form and stays.
  private func inflated(
    _ body: [UInt8], contentType: String?, encoding: String, isZstd: Bool
  ) throws(LokiPushError) -> [UInt8] {
    if isZstd {
      do throws(CompressionError) {
        return try Zstd.decompress(body, bytesMax: limits.decodedBytesMax)
      } catch {
        if case .tooLarge = error { throw tooLarge }
        throw LokiPushError("zstd: corrupt input")
      }
    }
    let format: Zlib.Format
    switch encoding {
    case "gzip": format = .gzip
    case "deflate": format = .raw
    default:
      throw LokiPushError("Content-Encoding \(quoted(encoding)) not supported")
    }
    let bytesMax = limits.decodedBytesMax
    do throws(CompressionError) {
      return try Zlib.decompress(body, format, bytesMax: bytesMax)
    } catch {
      if case .tooLarge = error {
        throw tooLarge
      }
      if encoding == "deflate" {
        throw LokiPushError("flate: corrupt input before offset 1")
      }
      guard body.starts(with: [0x1f, 0x8b, 8]) else {
        throw LokiPushError("gzip: invalid header")
      }
      let isJSON = contentType?.lowercased().hasPrefix("application/json") == true
      let context =
        isJSON ? "loghttp.PushRequest.Streams: []loghttp.LogProtoStream: " : ""
      throw LokiPushError(context + "unexpected EOF")
    }
  }

  private var tooLarge: LokiPushError {
    LokiPushError(
      "request body too large: decompressed message size too large than max"
        + " (\(limits.decodedBytesMax + 1) vs \(limits.decodedBytesMax))", status: 413)
  }
}
