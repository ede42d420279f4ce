package import TelemetryModel

/// What a push body says: its streams, as columns.
package struct LokiPush: Sendable {
  /// In the order of the body; a label set may occur more than once, and streams without rows
  /// are kept (Loki answers 204 to them). Names are unique, empty values are gone.
  package var streams: [StreamRows]
  /// Streams whose label text named a label twice, which Loki refuses stream by stream.
  package var repeatedLabels: [RepeatedLabel]

  package struct RepeatedLabel: Sendable {
    /// Index into `streams`.
    package var stream: Int
    package var name: String
    /// All labels as text, the repeated ones included.
    package var text: String
  }

  package init(streams: [StreamRows] = [], repeatedLabels: [RepeatedLabel] = []) {
    self.streams = streams
    self.repeatedLabels = repeatedLabels
  }
}

/// Why a push body was refused as a whole, in Loki's words where it has some.
package struct LokiPushError: Error, Hashable {
  package var message: String
  /// The HTTP status of the answer: 400, or 413 for a body above a limit.
  package var status: Int

  package init(_ message: String, status: Int = 400) {
    self.message = message
    self.status = status
  }

  static let corruptSnappy = LokiPushError("snappy: corrupt input")
}

/// The most that is decoded from one body; each is checked before anything is reserved.
package struct LokiPushLimits: Sendable {
  /// Bytes of the body after decompression.
  package var decodedBytesMax: Int
  /// Bytes of one stream's label text.
  package var labelBytesMax: Int

  package init(decodedBytesMax: Int = 1 << 30, labelBytesMax: Int = 1 << 24) {
    self.decodedBytesMax = decodedBytesMax
    self.labelBytesMax = labelBytesMax
  }
}
