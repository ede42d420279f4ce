package import LinuxIO
package import TelemetryModel

extension TimeZoneDatabase {
  /// The zones of the machine's own database, read as they are asked for.
  package convenience init(fileSystem: any FileSystem) {
    self.init { path in
      try? fileSystem.readWhole(path, bytesMax: TimeZoneRules.fileBytesMax)
    }
  }
}
