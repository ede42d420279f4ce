import Testing

@testable import HTTP

@Suite struct RouterTests {
  private func answers(_ requests: [(String, String, Int, String?)]) async throws {
    let server = try TestServer()
    let client = try RawClient(server.port)
    for (method, target, status, text) in requests {
      client.send(HTTP1ServerTests.request(method, target))
      let response = try client.receiveResponse(toHead: method == "HEAD")
      #expect(response.status == status, "\(method) \(target)")
      if let text { #expect(response.text == text, "\(method) \(target)") }
    }
    await server.stop()
  }

  @Test func parametersAreDecodedAndNeverRoute() async throws {
    try await answers([
      ("GET", "/label/app/values", 200, "app"),
      ("GET", "/label/a%2Fb/values", 200, "a/b"),
      ("GET", "/label/%C3%A9%20%25/values", 200, "é %"),
      ("GET", "/label/special/values", 200, "the literal"),
      ("GET", "/label/speci%61l/values", 200, "the literal"),
      ("GET", "/label//values", 404, nil),
      ("GET", "/label%2Fapp/values", 404, nil),
      ("GET", "/label/app/values/", 404, nil),
      ("GET", "/label/../hello", 404, nil),
      ("GET", "/label/%zz/values", 400, nil),
      ("GET", "/label/%/values", 400, nil),
      ("GET", "/label/%ff/values", 400, nil),
      ("GET", "/" + String(repeating: "a/", count: 100), 400, nil),
    ])
  }

  @Test func tailsDoNotClimb() async throws {
    try await answers([
      ("GET", "/files/a/b.css", 200, "a/b.css"),
      ("GET", "/files/a/../../x", 404, nil),
      ("GET", "/files/%2e%2e/x", 404, nil),
      ("GET", "/files/a%2F..%2F..%2Fx", 404, nil),
      ("GET", "/files/a%00", 404, nil),
    ])
  }

  @Test func methodsAreToldApart() async throws {
    try await answers([
      ("POST", "/hello", 405, nil), ("BREW", "/hello", 405, nil), ("HEAD", "/hello", 200, nil),
      ("OPTIONS", "/hello", 204, nil), ("GET", "/nowhere", 404, nil), ("OPTIONS", "*", 204, nil),
    ])
    let server = try TestServer()
    let client = try RawClient(server.port)
    client.send(HTTP1ServerTests.request("DELETE", "/form"))
    #expect(try client.receiveResponse().header("allow") == "GET, HEAD, OPTIONS, POST")
    await server.stop()
  }

  @Test func formsComeFromBodyAndQuery() async throws {
    try await answers([
      ("GET", "/form?a=1&a=2&b=%26+%2B&c&=d", 200, "a=1|a=2|b=& +|c=|=d"),
      ("GET", "/form?a=%zz", 400, nil), ("GET", "/form?a;b", 400, nil),
      ("GET", "/form?", 200, ""),
    ])
    let server = try TestServer()
    let client = try RawClient(server.port)
    let body = "match%5B%5D=%7Ba%3D%22b%22%7D&x=y"
    client.send(
      HTTP1ServerTests.request(
        "POST", "/form?z=1",
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
          + "Content-Length: \(body.utf8.count)\r\n") + body)
    #expect(try client.receiveResponse().text == "match[]={a=\"b\"}|x=y|z=1")
    await server.stop()
  }

  @Test func fieldsThatAreWrittenHoldNoLineEnds() {
    var headers = HTTPHeaders()
    headers.append("x", "a\r\nSet-Cookie: b\u{0}")
    #expect(headers["X"] == "a  Set-Cookie: b ")
    headers.set("X", "c")
    #expect(headers.values("x") == ["c"])
  }
}
