import Foundation
import Testing

@testable import HTTP

/// TLS against curl and our own client.
@Suite struct TLSTests {
  @Test func curlAgreesOnHTTP2AndHTTP1() async throws {
    guard let certificate = try TestCertificate() else { return }
    let server = try TestServer(tls: certificate.configuration())
    for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
      let result = try run(
        "curl",
        [
          "-sS", option, "--cacert", certificate.folder + "/ca.pem", "-w", " %{http_version}",
          "https://localhost:\(server.port)/big?bytes=300000", "-o", "/dev/null", "--resolve",
          "localhost:\(server.port):127.0.0.1", "-w", "%{http_version} %{size_download}",
        ])
      if let result { #expect(result.output == "\(version) 300000") }
    }
    await server.stop()
  }

  @Test func theClientChecksNamesAndAuthorities() async throws {
    guard let certificate = try TestCertificate() else { return }
    let server = try TestServer(tls: certificate.configuration())
    let body = [UInt8](repeating: 7, count: 1_000_000)
    func send(_ tls: HTTPClientConfiguration.TLS, _ host: String = "127.0.0.1") async
      -> Result<[UInt8], HTTPClientError>
    {
      var configuration = HTTPClientConfiguration()
      configuration.tls = tls
      do throws(HTTPClientError) {
        let client = try HTTPClient(configuration)
        let url = "https://\(host):\(server.port)/echo"
        return .success(try await client.send(.init(.post, url, body: body)).body)
      } catch {
        return .failure(error)
      }
    }
    func kind(_ result: Result<[UInt8], HTTPClientError>) -> HTTPClientError.Kind? {
      if case .failure(let error) = result { error.kind } else { nil }
    }
    var tls = HTTPClientConfiguration.TLS()
    #expect(kind(await send(tls)) == .tls)
    tls.skipsVerification = true
    #expect(try await send(tls).get() == body)
    tls.skipsVerification = false
    tls.authorityPath = certificate.folder + "/ca.pem"
    #expect(try await send(tls).get() == body)
    tls.serverName = "other.test"
    #expect(try await send(tls).get() == body)
    tls.serverName = "wrong.test"
    #expect(kind(await send(tls)) == .tls)
    await server.stop()
  }

  @Test func clientsWithoutCertificateAreRefusedWhereOneIsAsked() async throws {
    guard let certificate = try TestCertificate() else { return }
    let server = try TestServer(tls: certificate.configuration(clientAuthority: true))
    var configuration = HTTPClientConfiguration()
    configuration.tls.authorityPath = certificate.folder + "/ca.pem"
    let url = "https://127.0.0.1:\(server.port)/hello"
    let anonymous = try HTTPClient(configuration)
    await #expect(throws: HTTPClientError.self) { try await anonymous.send(.init(.get, url)) }
    configuration.tls.certificatePath = certificate.folder + "/client.pem"
    configuration.tls.keyPath = certificate.folder + "/client.key"
    let known = try HTTPClient(configuration)
    #expect(try await known.send(.init(.get, url)).body == Array("hello".utf8))
    await server.stop()
  }

  @Test func brokenFilesAreNamed() throws {
    guard let certificate = try TestCertificate() else { return }
    var configuration = certificate.configuration()
    configuration.keyPath = certificate.folder + "/client.key"
    let error = #expect(throws: HTTPError.self) { try TLSContext(configuration) }
    #expect(error?.message.contains("client.key") == true)
    configuration.certificatePath = "/nowhere.pem"
    let missing = #expect(throws: HTTPError.self) { try TLSContext(configuration) }
    #expect(missing?.message.contains("/nowhere.pem") == true)
  }

  @Test func silenceInTheHandshakeIsCutOff() async throws {
    guard let certificate = try TestCertificate() else { return }
    var limits = HTTPLimits()
    limits.headSeconds = 0.3
    let server = try TestServer(limits: limits, tls: certificate.configuration())
    let client = try RawClient(server.port)
    client.send([0x16, 0x03, 0x01])
    #expect(client.receiveAll() == "")
    let garbage = try RawClient(server.port)
    garbage.send("GET / HTTP/1.1\r\n\r\n")
    #expect(!garbage.receiveAll().hasPrefix("HTTP"))
    await server.stop()
  }
}
