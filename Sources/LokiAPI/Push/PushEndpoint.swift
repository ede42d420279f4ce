import Compression
package import LogStore
import TelemetryModel
package import WireFormats

/// `POST /loki/api/v1/push` and `/api/prom/push`, apart from HTTP: what comes in a request, and
/// which status and text go back. Statuses and texts are Loki's.
///
/// Safe to share between threads.
package struct PushEndpoint: Sendable {
  /// Which of Loki's two paths was asked: their JSON bodies differ.
  package enum Version: Sendable {
    case v1
    case legacy
  }

  /// What an endpoint needs of a request.
  package struct Input: Sendable {
    package var version: Version
    package var contentType: String?
    package var contentEncoding: String?
    /// The value of `X-Scope-OrgID`.
    package var tenant: String?
    /// As it came, still encoded; at least one byte more than the limit, when it is above.
    package var body: [UInt8]

    package init(
      version: Version, contentType: String?, contentEncoding: String?, tenant: String?,
      body: [UInt8]
    ) {
      self.version = version
      self.contentType = contentType
      self.contentEncoding = contentEncoding
      self.tenant = tenant
      self.body = body
    }
  }

  /// What goes back. A text is followed by a line feed and goes as `text/plain; charset=utf-8`.
  package struct Answer: Hashable, Sendable {
    package var status: Int
    package var text: String?

    package init(status: Int, text: String? = nil) {
      self.status = status
      self.text = text
    }
  }

  private let receiver: any LogReceiver
  private let decoder: LokiPushDecoder
  private let authEnabled: Bool
  /// Bytes of a body as it comes; Loki's `max_recv_msg_size`.
  package let bodyBytesMax: Int
  private let decodedBytesMax: Int

  package init(
    receiver: any LogReceiver, authEnabled: Bool, bodyBytesMax: Int = 100 << 20,
    decodedBytesMax: Int = 256 << 20, labelCache: LabelCache = LabelCache()
  ) {
    self.receiver = receiver
    self.authEnabled = authEnabled
    self.bodyBytesMax = bodyBytesMax
    self.decodedBytesMax = decodedBytesMax
    decoder = LokiPushDecoder(
      cache: labelCache, limits: LokiPushLimits(decodedBytesMax: decodedBytesMax))
  }

  /// Decodes the request and gives its rows to the store; answers 204 when they are durable.
  package func answer(_ input: Input) async -> Answer {
    let push: LogPush
    do throws(Answer) {
      push = try decode(input)
    } catch { return error }
    do throws(LogStoreError) {
      try await receiver.append(push)
    } catch { return Answer(status: error.status, text: error.message) }
    return Answer(status: 204)
  }

  private func decode(_ input: Input) throws(Answer) -> LogPush {
    let tenant: TenantID
    do throws(TenantHeader.Refusal) {
      tenant = try TenantHeader.one(input.tenant, authEnabled: authEnabled)
    } catch { throw Answer(status: error.status, text: error.message) }
    guard input.body.count <= bodyBytesMax else {
      throw Answer(
        status: 413, text: tooLargeText(input.body.count, contentType: input.contentType))
    }
    let body = try decoded(input)
    let type: String
    do throws(MediaType.Fault) {
      type = try MediaType.parse(input.contentType ?? "")
    } catch { throw Answer(status: 400, text: error.message) }
    do throws(LokiPushError) {
      switch (type, input.version) {
      case ("application/json", .v1):
        return LogPush(tenant: tenant, body: nil, content: try decoder.decodeJSON(body))
      case ("application/json", .legacy):
        return LogPush(tenant: tenant, body: nil, content: try decoder.decodeLegacyJSON(body))
      default:
        return LogPush(tenant: tenant, body: body, content: try decoder.decodeSnappy(body))
      }
    } catch { throw Answer(status: error.status, text: error.message) }
  }

  /// The text of a 413 for a body of `size` bytes. Loki stops to read a JSON body at the limit,
  /// and knows the length of others.
  package func tooLargeText(_ size: Int, contentType: String?) -> String {
    let isJSON = contentType?.lowercased().hasPrefix("application/json") == true
    let told = isJSON ? bodyBytesMax + 1 : size
    return "request body too large: message size too large than max (\(told) vs \(bodyBytesMax))"
  }

  /// The body without its `Content-Encoding`; snappy is part of the protobuf form and stays.
  private func decoded(_ input: Input) throws(Answer) -> [UInt8] {
    let encoding = input.contentEncoding ?? ""
    let format: Zlib.Format
    switch encoding {
    case "", "snappy": return input.body
    case "gzip": format = .gzip
    case "deflate": format = .raw
    default:
      throw Answer(status: 400, text: "Content-Encoding \(quoted(encoding)) not supported")
    }
    do throws(CompressionError) {
      return try Zlib.decompress(input.body, format, bytesMax: decodedBytesMax)
    } catch {
      if case .tooLarge = error {
        throw Answer.tooLarge("decompressed message", decodedBytesMax + 1, decodedBytesMax)
      }
      if encoding == "deflate" {
        throw Answer(status: 400, text: "flate: corrupt input before offset 1")
      }
      guard input.body.starts(with: [0x1f, 0x8b, 8]) else {
        throw Answer(status: 400, text: "gzip: invalid header")
      }
      let isJSON = input.contentType?.lowercased().hasPrefix("application/json") == true
      let context =
        isJSON ? "loghttp.PushRequest.Streams: []loghttp.LogProtoStream: " : ""
      throw Answer(status: 400, text: context + "unexpected EOF")
    }
  }
}

extension PushEndpoint.Answer: Error {
  /// The answer to a `message`, or a `decompressed message`, of `size` bytes.
  static func tooLarge(_ what: String, _ size: Int, _ limit: Int) -> PushEndpoint.Answer {
    PushEndpoint.Answer(
      status: 413,
      text: "request body too large: \(what) size too large than max (\(size) vs \(limit))")
  }
}
