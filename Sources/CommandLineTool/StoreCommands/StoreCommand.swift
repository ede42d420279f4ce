import LinuxIO
import LogStore
import SpanStore
import Storage
import TelemetryModel

/// `sluice store`: what an operator does with a data folder.
let storeCommand = Command(
  name: "store", summary: "Verify, repair, measure or copy a data folder.",
  subcommands: [
    storeVerifyCommand, storeRepairCommand, storeStatsCommand, storeSnapshotCommand,
  ])

/// The stores of a data folder: `DIR/logs` and `DIR/spans`, or `DIR` where it is one itself.
struct StoreFolders {
  struct Member {
    let kind: StoreKind
    let folder: StoreFolder
  }

  let members: [Member]

  /// - Throws: ``CommandFailure`` with status ``ExitStatus/notFound`` when there is none.
  init(_ arguments: Arguments) throws {
    guard arguments.positional.count == 1 else {
      throw UsageError(message: "one folder is needed: the server's data_dir, or a copy of it")
    }
    let folder = arguments.positional[0]
    let files = RealFileSystem()
    var members: [Member] = []
    for kind in [StoreKind.logs, .spans] {
      if let found = StoreFolder("\(folder)/\(kind.name)", fileSystem: files) {
        members.append(Member(kind: kind, folder: found))
      }
    }
    if members.isEmpty, let found = StoreFolder(folder, fileSystem: files) {
      let kind = try? found.segments().first?.record.kind
      members.append(Member(kind: kind ?? .logs, folder: found))
    }
    guard !members.isEmpty else {
      // What keeps it from being read, if anything does.
      for path in [folder, "\(folder)/logs", "\(folder)/segments"] {
        do throws(SystemError) { _ = try files.list(path) } catch {
          if error.code == SystemError.noPermission { throw CommandFailure(message: error.message) }
        }
      }
      throw CommandFailure(
        message: "\(folder) holds no store: there is no folder 'segments' in it",
        status: .notFound)
    }
    self.members = members
  }
}

/// `sluice store verify`.
let storeVerifyCommand = Command(
  name: "verify", summary: "Read every page of every file and name what is bad.",
  notes: """
    Changes nothing; a server may use the folder. Exit status 1 when something is bad.
    Example: sluice store verify /var/lib/sluice
    """,
  positional: "DIR",
  run: { arguments, surroundings in
    var isDamaged = false
    for member in try StoreFolders(arguments).members {
      let report: StoreFolder.Report
      do throws(StorageError) { report = try member.folder.verify() } catch {
        throw CommandFailure(message: error.message)
      }
      for finding in report.damage {
        surroundings.output.write("bad   \(terminalSafe(finding.description))\n")
      }
      for finding in report.notes {
        surroundings.output.write("note  \(terminalSafe(finding.description))\n")
      }
      let verdict = report.damage.isEmpty ? "all is well" : "\(report.damage.count) bad"
      surroundings.output.write(
        "\(member.kind.name): \(report.fileCount) files, \(report.byteCount) bytes, "
          + "\(report.pageCount) pages and \(report.recordCount) log records read: \(verdict)\n")
      isDamaged = isDamaged || !report.damage.isEmpty
    }
    return isDamaged ? .failure : .success
  })

/// `sluice store repair`.
let storeRepairCommand = Command(
  name: "repair", summary: "Bring a damaged folder into order; the server must be stopped.",
  notes: """
    Damaged files are set aside in DIR/…/set-aside, never deleted; what is readable of them is
    written anew. Exit status 1 when rows are lost.
    Example: sluice store repair /var/lib/sluice
    """,
  positional: "DIR",
  run: { arguments, surroundings in
    var isLossy = false
    for member in try StoreFolders(arguments).members {
      var configuration = StorageConfiguration(
        name: member.kind.name, folder: member.folder.folder, kind: member.kind)
      configuration.freeBytesMin = 0
      configuration.compactionShare = 0
      let report = try await repaired(configuration)
      for finding in report.findings {
        surroundings.output.write("found    \(terminalSafe(finding.description))\n")
      }
      for finding in report.lostPages {
        surroundings.output.write("lost     \(terminalSafe(finding.description))\n")
      }
      for path in report.rewritten {
        surroundings.output.write(
          "written anew, the damaged file set aside: \(terminalSafe(path))\n")
      }
      let isLost = !report.lostPages.isEmpty || report.findings.contains { $0.kind == .missing }
      isLossy = isLossy || isLost
      surroundings.output.write(
        "\(member.kind.name): "
          + (isLost ? "in order; what is named above is lost\n" : "in order; no row is lost\n"))
    }
    return isLossy ? .failure : .success
  })

private func repaired(_ configuration: StorageConfiguration) async throws -> RepairReport {
  do {
    switch configuration.kind {
    case .logs: return try await LogStore.repair(configuration)
    case .spans:
      let store = try await SpanStore.open(
        configuration, fileSystem: RealFileSystem(), clock: SystemClock())
      do {
        let report = try await store.repair()
        await store.close()
        return report
      } catch {
        await store.close()
        throw error
      }
    }
  } catch let error as LogStoreError {
    throw CommandFailure(message: error.message)
  } catch let error as SpanStoreError {
    throw CommandFailure(message: error.message)
  }
}
