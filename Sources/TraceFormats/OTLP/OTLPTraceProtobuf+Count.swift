import WireFormats

extension OTLPTraceProtobuf {
  /// How many spans an encoded request holds, without decoding them.
  package static func spanCount(of request: [UInt8]) throws(TraceFormatError) -> Int {
    do throws(ProtobufError) {
      var count = 0
      var batches = ProtobufReader(request.span.bytes)
      while try batches.nextField() {
        guard batches.field == 1 else {
          try batches.skip()
          continue
        }
        var scopes = try batches.message()
        while try scopes.nextField() {
          guard scopes.field == 2 else {
            try scopes.skip()
            continue
          }
          var spans = try scopes.message()
          while try spans.nextField() {
            if spans.field == 2 { count += 1 }
            try spans.skip()
          }
        }
      }
      return count
    } catch {
      throw TraceFormatError(translating: error)
    }
  }
}
