import CNGHTTP2

/// Fields in the form that nghttp2 takes: names in small letters, no connection fields.
struct HTTP2FieldBlock {
  private var bytes: [UInt8] = []
  private var ends: [(name: Int, value: Int)] = []

  mutating func append(_ name: String, _ value: String) { append(name.utf8, value.utf8) }

  mutating func append(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>) {
    bytes.append(contentsOf: name.lazy.map(asciiLower))
    let nameEnd = bytes.count
    bytes.append(contentsOf: value)
    ends.append((name: nameEnd, value: bytes.count))
  }

  mutating func append(_ headers: HTTPHeaders) {
    for field in headers.fields {
      let name = headers.name(field)
      if HTTP1Response.isOwn(name) || asciiEqual(name, "upgrade".utf8) { continue }
      append(name, headers.bytes(field))
    }
  }

  /// The fields are valid during the call only.
  mutating func withFields(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> Void) {
    let ends = self.ends
    bytes.withUnsafeMutableBufferPointer { bytes in
      var fields: [nghttp2_nv] = []
      fields.reserveCapacity(ends.count)
      var start = 0
      for end in ends {
        var field = nghttp2_nv()
        // Each range lies in the buffer: its ends were counts of it.
        field.name = bytes.baseAddress.map { $0 + start }
        field.namelen = end.name - start
        field.value = bytes.baseAddress.map { $0 + end.name }
        field.valuelen = end.value - end.name
        fields.append(field)
        start = end.value
      }
      fields.withUnsafeBufferPointer(body)
    }
  }
}
