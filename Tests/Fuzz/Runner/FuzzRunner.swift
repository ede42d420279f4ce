import FuzzTargets
import Glibc

/// The target that `FUZZ_TARGET` names.
private let target: FuzzTarget = {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  if let target = FuzzTarget.all.first(where: { $0.name == name }) { return target }
  let names = FuzzTarget.all.map(\.name).joined(separator: ", ")
  print("FUZZ_TARGET is '\(name)'; there are: \(names)")
  // libFuzzer ends the process at once.
  fflush(nil)
  exit(2)
}()

/// What libFuzzer calls for each input.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  target.run(UnsafeRawBufferPointer(start: bytes, count: count))
  return 0
}

/// What libFuzzer calls once, before it looks at the coverage: the arguments of the program.
@_cdecl("LLVMFuzzerInitialize")
func startFuzzing(
  _ count: UnsafePointer<Int32>,
  _ arguments: UnsafePointer<UnsafePointer<UnsafePointer<CChar>>>
) -> Int32 {
  let words = (0..<Int(count.pointee)).dropFirst().map { String(cString: arguments.pointee[$0]) }
  // libFuzzer's limits of time and memory are not in force yet: inputs that are named one by one,
  // which are most often those that found a fault, are not run here.
  let paths = words.filter { !$0.hasPrefix("-") }
  let isMerge = words.contains { $0.hasPrefix("-merge") || $0.hasPrefix("-minimize") }
  let folders = paths.compactMap(inputs)
  let inputs = isMerge || folders.count < paths.count ? [] : folders.flatMap { $0 }
  guard let coverage = Coverage.whole else { return 0 }
  if inputs.isEmpty || getenv("FUZZ_WHOLE") != nil {
    coverage.tell()
  } else {
    coverage.tell { for input in inputs { input.withUnsafeBytes(target.run) } }
  }
  return 0
}

/// The content of each file of a folder; nil for what is none.
private func inputs(_ path: String) -> [[UInt8]]? {
  guard let folder = opendir(path) else { return nil }
  defer { closedir(folder) }
  var inputs: [[UInt8]] = []
  while let entry = readdir(folder) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if !name.hasPrefix("."), let bytes = content("\(path)/\(name)") { inputs.append(bytes) }
  }
  return inputs
}

private func content(_ path: String) -> [UInt8]? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var status = stat()
  guard fstat(fileno(file), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
  return [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { bytes, count in
    count = fread(bytes.baseAddress, 1, bytes.count, file)
  }
}
