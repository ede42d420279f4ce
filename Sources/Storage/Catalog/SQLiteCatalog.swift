import LinuxIO

/// The catalog of one machine.
final class SQLiteCatalog: Catalog {
  static func open(_ path: String, _ fileSystem: any FileSystem) throws(StorageError)
    -> SQLiteCatalog
  {
    SQLiteCatalog()
  }
  func load() throws(StorageError) -> CatalogContent { CatalogContent() }
  func commit(_ change: CatalogChange) throws(StorageError) {}
  func close() {}
}
