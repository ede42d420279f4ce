import Foundation
import HTTP
import Testing

/// An authority with a server's and a client's certificate, made by the openssl program.
final class TestCertificate {
  let folder: String

  /// `nil` where openssl is not installed.
  init?() throws {
    folder = NSTemporaryDirectory() + "sluice-tls-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    guard
      let made = try run(
        "openssl",
        [
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
          "-days", "2", "-subj", "/CN=test authority", "-keyout", folder + "/ca.key", "-out",
          folder + "/ca.pem",
        ])
    else { return nil }
    try #require(made.status == 0, "\(made.output)")
    try sign("server", "subjectAltName=DNS:localhost,DNS:other.test,IP:127.0.0.1")
    try sign("client", "extendedKeyUsage=clientAuth")
  }

  private func sign(_ name: String, _ extensions: String) throws {
    try extensions.write(toFile: "\(folder)/\(name).ext", atomically: true, encoding: .utf8)
    let steps = [
      [
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
        "/CN=\(name)", "-keyout", "\(folder)/\(name).key", "-out", "\(folder)/\(name).csr",
      ],
      [
        "x509", "-req", "-in", "\(folder)/\(name).csr", "-CA", "\(folder)/ca.pem", "-CAkey",
        "\(folder)/ca.key", "-CAcreateserial", "-days", "2", "-extfile", "\(folder)/\(name).ext",
        "-out", "\(folder)/\(name).pem",
      ],
    ]
    for step in steps {
      let made = try #require(try run("openssl", step))
      try #require(made.status == 0, "\(made.output)")
    }
  }

  func configuration(clientAuthority: Bool = false) -> TLSConfiguration {
    TLSConfiguration(
      certificatePath: folder + "/server.pem", keyPath: folder + "/server.key",
      clientAuthorityPath: clientAuthority ? folder + "/ca.pem" : nil)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }
}
