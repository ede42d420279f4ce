package import LinuxIO

extension Configuration {
  /// The largest file that is read, in bytes.
  package static let fileBytesMax = 4 << 20

  /// Reads and parses the file at `path`.
  ///
  /// Throws ``ConfigurationError`` when it cannot be read, is no UTF-8, or is refused by
  /// ``parse(text:name:environment:)``. Blocks.
  package static func load(
    path: String, environment: [String: String], fileSystem: any FileSystem = RealFileSystem()
  ) throws(ConfigurationError) -> Configuration {
    let bytes: [UInt8]
    do { bytes = try fileSystem.readWhole(path, bytesMax: fileBytesMax) } catch {
      throw ConfigurationError(
        file: path, mark: nil, message: "cannot be read: \(error.message)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError(file: path, mark: nil, message: "is not UTF-8 text")
    }
    return try parse(text: text, name: path, environment: environment)
  }
}
