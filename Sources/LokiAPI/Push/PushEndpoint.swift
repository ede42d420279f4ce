package import LogStore
import TelemetryModel
package import WireFormats

/// `POST /loki/api/v1/push` and `/api/prom/push`, apart from HTTP: what comes in a request, and
/// which status and text go back. Statuses and texts are Loki's.
///
/// Safe to share between threads.
package struct PushEndpoint: Sendable {
  package typealias Version = LokiPushDecoder.RequestVersion

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
    /// Lines of the push that are in the store now, told in ``PushEndpoint/storedLinesHeader``.
    package var storedLines: Int?

    package init(status: Int, text: String? = nil, storedLines: Int? = nil) {
      self.status = status
      self.text = text
      self.storedLines = storedLines
    }
  }

  /// Tells Sluice's agent how many lines were stored, so that its accounts do not rest on what
  /// itself believes to have sent.
  static let storedLinesHeader = "x-sluice-stored-lines"

  private let receiver: any LogReceiver
  private let decoder: LokiPushDecoder
  private let authEnabled: Bool
  /// Bytes of a body as it comes; Loki's `max_recv_msg_size`.
  package let bodyBytesMax: Int

  package init(
    receiver: any LogReceiver, authEnabled: Bool, bodyBytesMax: Int = 100 << 20,
    decodedBytesMax: Int = 256 << 20, labelCache: LabelCache = LabelCache()
  ) {
    self.receiver = receiver
    self.authEnabled = authEnabled
    self.bodyBytesMax = bodyBytesMax
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
    return Answer(
      status: 204, storedLines: push.content.streams.reduce(0) { $0 + $1.count })
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
    do throws(LokiPushError) {
      let (content, snappy) = try decoder.decodeRequest(
        input.body, version: input.version, contentType: input.contentType,
        contentEncoding: input.contentEncoding)
      return LogPush(tenant: tenant, body: snappy, content: content)
    } catch { throw Answer(status: error.status, text: error.message) }
  }

  /// The text of a 413 for a body of `size` bytes. Loki stops to read a JSON body at the limit,
  /// and knows the length of others.
  package func tooLargeText(_ size: Int, contentType: String?) -> String {
    let isJSON = contentType?.lowercased().hasPrefix("application/json") == true
    let told = isJSON ? bodyBytesMax + 1 : size
    return "request body too large: message size too large than max (\(told) vs \(bodyBytesMax))"
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
