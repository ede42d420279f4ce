import CCurl

/// One exchange as curl drives it; lives on the client's thread.
final class CurlTransfer {
  let order: CurlOrder
  let handle: UnsafeMutableRawPointer
  private let responseBytesMax: Int
  private var fields: UnsafeMutablePointer<curl_slist>?
  private var routes: UnsafeMutablePointer<curl_slist>?
  private var sent = 0
  private var headers = HTTPHeaders()
  private var body: [UInt8] = []
  private var isTooLarge = false
  private var headWasTold = false
  private var goesToReceiver = false
  private let errorText: UnsafeMutablePointer<CChar>

  /// `nil` where curl refuses the URL or a setting.
  init?(_ order: CurlOrder, _ configuration: HTTPClientConfiguration) {
    guard let made = curl_easy_init() else { return nil }
    self.order = order
    handle = made
    responseBytesMax = configuration.responseBytesMax
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    guard setUp(configuration) else { return nil }
  }

  deinit {
    curl_easy_cleanup(handle)
    curl_slist_free_all(fields)
    curl_slist_free_all(routes)
    errorText.deallocate()
  }

  private func setUp(_ configuration: HTTPClientConfiguration) -> Bool {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    sluice_curl_set_pointer(handle, CURLOPT_PRIVATE, owner)
    sluice_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText)
    sluice_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    sluice_curl_set_text(handle, CURLOPT_USERAGENT, configuration.userAgent)
    sluice_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, configuration.followsRedirects ? 1 : 0)
    sluice_curl_set_long(handle, CURLOPT_MAXREDIRS, 5)
    sluice_curl_set_long(
      handle, CURLOPT_CONNECTTIMEOUT_MS, Int(configuration.connectTimeoutSeconds * 1000))
    let seconds = order.request.timeoutSeconds ?? configuration.timeoutSeconds
    sluice_curl_set_long(handle, CURLOPT_TIMEOUT_MS, max(1, Int(seconds * 1000)))
    sluice_curl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
    if let proxy = configuration.proxyURL {
      sluice_curl_set_text(handle, CURLOPT_PROXY, proxy)
    }
    guard
      sluice_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK,
      setURL(configuration.tls), configuration.tls.apply(to: handle)
    else { return false }
    setAuthorization(configuration.authorization)
    setBody(owner)
    setFields()
    sluice_curl_set_pointer(handle, CURLOPT_WRITEDATA, owner)
    sluice_curl_set_transfer(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, owner in
      CurlTransfer.of(owner)?.bodyCame(bytes, size * count) ?? 0
    }
    sluice_curl_set_pointer(handle, CURLOPT_HEADERDATA, owner)
    sluice_curl_set_transfer(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, owner in
      CurlTransfer.of(owner)?.fieldCame(bytes, size * count) ?? 0
    }
    return true
  }

  private static func of(_ owner: UnsafeMutableRawPointer?) -> CurlTransfer? {
    // The client's thread keeps the transfer for as long as curl has its handle.
    owner.map { Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
  }

  private func setURL(_ tls: HTTPClientConfiguration.TLS) -> Bool {
    guard let name = tls.serverName else {
      return sluice_curl_set_text(handle, CURLOPT_URL, order.request.url) == CURLE_OK
    }
    // TLS asks for the URL's host: put the name there, and lead the connection where it belongs.
    guard let url = curl_url() else { return false }
    defer { curl_url_cleanup(url) }
    guard curl_url_set(url, CURLUPART_URL, order.request.url, 0) == CURLUE_OK,
      let host = Self.part(url, CURLUPART_HOST, 0),
      let port = Self.part(url, CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)),
      curl_url_set(url, CURLUPART_HOST, name, 0) == CURLUE_OK,
      let changed = Self.part(url, CURLUPART_URL, 0)
    else { return false }
    routes = curl_slist_append(nil, "::\(host):\(port)")
    sluice_curl_set_list(handle, CURLOPT_CONNECT_TO, routes)
    return sluice_curl_set_text(handle, CURLOPT_URL, changed) == CURLE_OK
  }

  private static func part(_ url: OpaquePointer, _ part: CURLUPart, _ flags: UInt32) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(url, part, &text, flags) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }

  private func setAuthorization(_ authorization: HTTPClientConfiguration.Authorization) {
    switch authorization {
    case .none: break
    case .basic(let user, let password):
      sluice_curl_authorize(handle, 0)
      sluice_curl_set_text(handle, CURLOPT_USERNAME, user)
      sluice_curl_set_text(handle, CURLOPT_PASSWORD, password)
    case .bearer(let token):
      sluice_curl_authorize(handle, 1)
      sluice_curl_set_text(handle, CURLOPT_XOAUTH2_BEARER, token)
    }
  }

  private func setBody(_ owner: UnsafeMutableRawPointer) {
    let request = order.request
    let hasBody = !request.body.isEmpty || request.method == .post || request.method == .put
    if hasBody {
      sluice_curl_set_long(handle, CURLOPT_POST, 1)
      sluice_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, Int(request.body.count))
      sluice_curl_set_pointer(handle, CURLOPT_READDATA, owner)
      sluice_curl_set_transfer(handle, CURLOPT_READFUNCTION) { bytes, size, count, owner in
        CurlTransfer.of(owner)?.fill(bytes, size * count) ?? Int(CURL_READFUNC_ABORT)
      }
      sluice_curl_set_pointer(handle, CURLOPT_SEEKDATA, owner)
      sluice_curl_set_seek(handle) { owner, offset, origin in
        guard let transfer = CurlTransfer.of(owner), origin == SEEK_SET, offset >= 0,
          offset <= transfer.order.request.body.count
        else { return CURL_SEEKFUNC_CANTSEEK }
        transfer.sent = Int(offset)
        return CURL_SEEKFUNC_OK
      }
    }
    switch request.method {
    case .get where !hasBody: break
    case .post: break
    case .head: sluice_curl_set_long(handle, CURLOPT_NOBODY, 1)
    default: sluice_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method.description)
    }
  }

  private func setFields() {
    // No waiting for 100 Continue, and no content type that nobody asked for.
    fields = curl_slist_append(nil, "Expect:")
    if !order.request.headers.contains("content-type") {
      fields = curl_slist_append(fields, "Content-Type:")
    }
    for (name, value) in order.request.headers.all {
      // An empty value is written with a semicolon in curl's terms.
      fields = curl_slist_append(fields, value.isEmpty ? "\(name);" : "\(name): \(value)")
    }
    sluice_curl_set_list(handle, CURLOPT_HTTPHEADER, fields)
  }

  // MARK: Callbacks

  private func fill(_ buffer: UnsafeMutablePointer<CChar>?, _ room: Int) -> Int {
    let body = order.request.body
    let count = min(room, body.count - sent)
    guard count > 0, let buffer else { return 0 }
    let room = UnsafeMutableRawBufferPointer(start: buffer, count: count)
    room.copyBytes(from: body[sent..<(sent + count)])
    sent += count
    return count
  }

  private func fieldCame(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    let line = UnsafeRawBufferPointer(start: bytes, count: count)
    if line.starts(with: "HTTP/".utf8) {
      // A new head: after 100 Continue, a redirect or a proxy's answer.
      headers = HTTPHeaders()
      return count
    }
    guard let colon = line.firstIndex(of: 0x3a), headers.count < 256 else { return count }
    var end = line.count
    while end > colon + 1, line[end - 1] == 0x0d || line[end - 1] == 0x0a { end -= 1 }
    headers.append(name: line[..<colon], value: trimBlanks(line[(colon + 1)..<end]))
    return count
  }

  private func tellHead() {
    guard !headWasTold else { return }
    headWasTold = true
    guard order.receiver != nil else { return }
    goesToReceiver = order.onHead?(Int(sluice_curl_status(handle)), headers) ?? true
  }

  private func bodyCame(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    tellHead()
    let piece = UnsafeRawBufferPointer(start: bytes, count: count)
    if goesToReceiver, let receiver = order.receiver {
      guard receiver(piece) else {
        isTooLarge = true
        return 0
      }
      return count
    }
    guard body.count + count <= responseBytesMax else {
      isTooLarge = true
      return 0
    }
    body.append(contentsOf: piece)
    return count
  }

  // MARK: The end

  func result(_ code: CURLcode) -> Result<HTTPClientResponse, HTTPClientError> {
    let url = order.request.url
    if code == CURLE_OK {
      tellHead()
      return .success(
        HTTPClientResponse(
          status: Int(sluice_curl_status(handle)), headers: headers, body: body))
    }
    if isTooLarge {
      return .failure(
        HTTPClientError(
          .responseTooLarge, url,
          order.receiver == nil
            ? "the response is longer than \(responseBytesMax) bytes"
            : "the receiver took no more of the response"))
    }
    let detail = String(cString: errorText)
    let text = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
    return .failure(HTTPClientError(Self.kind(code), url, text))
  }

  static func kind(_ code: CURLcode) -> HTTPClientError.Kind {
    switch code {
    case CURLE_OPERATION_TIMEDOUT: .timedOut
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CIPHER:
      .tls
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_OUT_OF_MEMORY,
      CURLE_TOO_MANY_REDIRECTS:
      .setup
    case CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_BAD_CONTENT_ENCODING:
      .malformedResponse
    default: .connection
    }
  }
}
