// swift-tools-version: 6.2
import PackageDescription

/// One row of the design: its modules may depend on lower rows only.
/// The manifest refuses to load when one does not, so a wrong import cannot be built.
struct Module {
  enum Kind { case systemLibrary, shim, swift, executable }
  var name: String
  var kind: Kind = .swift
  var needs: [String] = []
  var tested = true
  /// What its tests import beyond what it may import itself.
  var testNeeds: [String] = []
}

func system(_ name: String) -> Module {
  Module(name: name, kind: .systemLibrary, tested: false)
}
func shim(_ name: String) -> Module { Module(name: name, kind: .shim, tested: false) }
func module(_ name: String, _ needs: [String], testNeeds: [String] = []) -> Module {
  Module(name: name, needs: needs, testNeeds: testNeeds)
}

let layers: [[Module]] = [
  [  // 0: C libraries and shims
    system("CSystemd"), system("CZstd"), system("CZlib"), system("CBZip2"), system("CSnappy"),
    system("CYAML"),
    system("CCurl"), system("CSQLite"), system("COpenSSL"), system("CNGHTTP2"),
    system("CHTTPParser"), system("CMaxMindDB"), shim("CLinux"), shim("CRE2"),
  ],
  [  // 1
    module("Bytes", ["CLinux"])
  ],
  [  // 2
    module("LinuxIO", ["CLinux", "Bytes"]),
    module("Compression", ["CZstd", "CZlib", "CBZip2", "CSnappy", "Bytes"]),
    module("TelemetryModel", ["Bytes"]),
    module("Regex", ["CRE2", "Bytes"]),
  ],
  [  // 3
    module("WireFormats", ["CYAML", "Bytes", "Compression", "TelemetryModel"]),
    module(
      "HTTP",
      [
        "COpenSSL", "CNGHTTP2", "CHTTPParser", "CCurl", "CLinux", "Bytes", "LinuxIO", "Compression",
        "TelemetryModel",
      ]),
    module("LogQL", ["Bytes", "TelemetryModel", "Regex"]),
    module("TraceQL", ["CLinux", "Bytes", "TelemetryModel", "Regex"]),
  ],
  [  // 4
    module(
      "Storage",
      ["CSQLite", "CLinux", "Bytes", "LinuxIO", "Compression", "TelemetryModel", "WireFormats"]),
    module(
      "LogSources",
      [
        "CSystemd", "CLinux", "Bytes", "LinuxIO", "Compression", "TelemetryModel", "WireFormats",
        "HTTP",
      ]),
    module("Configuration", ["Bytes", "LinuxIO", "TelemetryModel", "Regex", "WireFormats"]),
    module("SpanMetrics", ["Bytes", "TelemetryModel", "WireFormats"], testNeeds: ["TraceFormats"]),
    module("TraceFormats", ["Bytes", "TelemetryModel", "WireFormats"]),
    module("TextTemplate", ["Bytes", "LinuxIO", "TelemetryModel", "Regex", "WireFormats"]),
  ],
  [  // 5
    module(
      "LogStore",
      [
        "Bytes", "LinuxIO", "Compression", "TelemetryModel", "Regex", "WireFormats", "LogQL",
        "Storage", "Configuration",
      ]),
    module(
      "SpanStore",
      [
        "Bytes", "LinuxIO", "Compression", "TelemetryModel", "WireFormats", "Storage",
        "Configuration", "TraceFormats",
      ]),
    module(
      "Pipeline",
      [
        "CMaxMindDB", "Bytes", "LinuxIO", "TelemetryModel", "Regex", "WireFormats", "LogQL",
        "TextTemplate", "LogSources", "Configuration",
      ]),
  ],
  [  // 6
    module(
      "LogQuery",
      [
        "Bytes", "LinuxIO", "TelemetryModel", "Regex", "WireFormats", "LogQL", "TextTemplate",
        "Configuration", "LogStore",
      ], testNeeds: ["Storage"]),
    module(
      "SpanQuery",
      [
        "Bytes", "LinuxIO", "TelemetryModel", "Regex", "TraceQL", "Configuration", "TraceFormats",
        "SpanStore",
      ]),
    module(
      "Delivery",
      [
        "Bytes", "LinuxIO", "Compression", "TelemetryModel", "WireFormats", "HTTP", "Storage",
        "LogSources", "Configuration", "Pipeline",
      ]),
  ],
  [  // 7
    module(
      "LokiAPI",
      [
        "Bytes", "LinuxIO", "Compression", "TelemetryModel", "Regex", "WireFormats", "HTTP",
        "LogQL", "Configuration", "TraceFormats", "LogStore", "LogQuery",
      ], testNeeds: ["Storage"]),
    module(
      "TraceAPI",
      [
        "Bytes", "LinuxIO", "TelemetryModel", "WireFormats", "HTTP", "TraceQL", "Configuration",
        "TraceFormats", "SpanStore", "SpanQuery",
      ]),
    module(
      "Collector",
      [
        "Bytes", "LinuxIO", "Compression", "TelemetryModel", "WireFormats", "HTTP",
        "Configuration", "TraceFormats", "SpanStore",
      ]),
    module(
      "TraceExport",
      [
        "Bytes", "LinuxIO", "TelemetryModel", "WireFormats", "HTTP", "Configuration",
        "TraceFormats", "Delivery",
      ]),
    module(
      "Agent",
      [
        "Bytes", "LinuxIO", "Compression", "TelemetryModel", "WireFormats", "HTTP", "LogSources",
        "Configuration", "Pipeline", "Delivery",
      ]),
  ],
  [  // 8
    module(
      "CommandLineTool",
      [
        "CLinux", "Bytes", "LinuxIO", "Compression", "TelemetryModel", "Regex", "WireFormats",
        "HTTP",
        "LogQL",
        "Pipeline", "Storage", "Configuration", "TraceFormats", "LogStore", "SpanStore", "LogQuery",
        "SpanQuery", "LokiAPI", "TraceAPI", "Collector", "Agent",
        "SpanMetrics", "TraceExport",
      ])
  ],
  [  // 9
    Module(name: "sluice", kind: .executable, needs: ["CommandLineTool"], tested: false)
  ],
]

var rowOf: [String: Int] = [:]
for (row, modules) in layers.enumerated() {
  for module in modules { rowOf[module.name] = row }
}
for (row, modules) in layers.enumerated() {
  for module in modules {
    for need in module.needs {
      guard let below = rowOf[need] else { fatalError("\(module.name) needs unknown \(need)") }
      guard below < row else {
        fatalError("\(module.name) (row \(row)) may not depend on \(need) (row \(below))")
      }
    }
  }
}

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

func target(_ module: Module) -> Target {
  let needs = module.needs.map { Target.Dependency(stringLiteral: $0) }
  switch module.kind {
  case .systemLibrary: return .systemLibrary(name: module.name)
  case .shim:
    return .target(
      name: module.name,
      cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-O2"])],
      cxxSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-O2"])],
      linkerSettings: [.linkedLibrary(module.name == "CRE2" ? "re2" : "m")])
  case .swift:
    let lifetimes: [SwiftSetting] =
      ["Bytes", "WireFormats"].contains(module.name)
      ? [.enableExperimentalFeature("Lifetimes")] : []
    return .target(name: module.name, dependencies: needs, swiftSettings: strict + lifetimes)
  case .executable:
    return .executableTarget(name: module.name, dependencies: needs, swiftSettings: strict)
  }
}

/// Modules whose tests keep files of earlier format versions in a folder `Golden`.
let goldens: Set = ["LogStore", "SpanStore", "Storage"]

/// Each module is tested with everything that it may import, and the helpers of `TestSupport`.
func tests(_ module: Module) -> Target {
  .testTarget(
    name: module.name + "Tests",
    dependencies: (module.needs + module.testNeeds + [module.name, "TestSupport"]).map {
      Target.Dependency(stringLiteral: $0)
    },
    exclude: goldens.contains(module.name) ? ["Golden"] : [],
    swiftSettings: strict)
}

let testSupport = Target.target(
  name: "TestSupport", dependencies: ["Bytes", "LinuxIO", "TelemetryModel"],
  path: "Tests/TestSupport", swiftSettings: strict)

/// What is fuzzed and with what; modules are added as targets for them are written.
let fuzzed = [
  "Bytes", "LinuxIO", "Compression", "TelemetryModel", "WireFormats", "Storage", "TraceFormats",
  "Configuration", "LogSources", "Pipeline", "Regex", "HTTP", "LogQL", "TraceQL", "TextTemplate",
  "LogStore", "SpanStore", "LogQuery", "SpanQuery", "LokiAPI", "TraceAPI", "Delivery", "Agent",
]

/// The functions that inputs are fed to, and the test that replays the inputs that were kept. With
/// SLUICE_FUZZ set there is also the program that makes inputs up: see docs/fuzzing.md.
let fuzz: [Target] = {
  let needs = (fuzzed + ["TestSupport"]).map { Target.Dependency(stringLiteral: $0) }
  let targets = Target.target(
    name: "FuzzTargets", dependencies: needs, path: "Tests/Fuzz/Targets", swiftSettings: strict)
  let tests = Target.testTarget(
    name: "FuzzTests", dependencies: ["FuzzTargets", "TestSupport"], swiftSettings: strict)
  let runner = Target.executableTarget(
    name: "sluice-fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Runner",
    swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])],
    // The runner passes on to libFuzzer what it chooses of the coverage.
    linkerSettings: [
      .unsafeFlags(
        ["8bit_counters", "pcs"].flatMap { ["-Xlinker", "--wrap=__sanitizer_cov_\($0)_init"] })
    ])
  return [targets, tests] + (Context.environment["SLUICE_FUZZ"] == nil ? [] : [runner])
}()

/// Programs that measure one part alone; see Benchmarks/README.md.
let benchmarks: [Target] =
  Context.environment["SLUICE_BENCHMARKS"] == nil
  ? []
  : [
    .executableTarget(
      name: "line-encoding",
      dependencies: ["LinuxIO", "TelemetryModel", "WireFormats", "LogQL", "LogQuery", "LokiAPI"],
      path: "Benchmarks/LineEncoding", swiftSettings: strict)
  ]

let all: [Target] =
  layers.joined().map(target) + [testSupport] + layers.joined().filter(\.tested).map(tests)
  + [.testTarget(name: "HouseTests", swiftSettings: strict)] + fuzz + benchmarks

/// With SLUICE_TESTS="LogQLTests,LogQueryTests" the package is these and what they need, so that
/// little is compiled while one part is worked on.
let chosen: [Target] = {
  guard let wanted = Context.environment["SLUICE_TESTS"] else { return all }
  var needed = Set(wanted.split(separator: ",").map(String.init))
  // Whatever is needed stands before what needs it.
  for target in all.reversed() where needed.contains(target.name) {
    for case .byNameItem(let name, _) in target.dependencies { needed.insert(name) }
  }
  return all.filter { needed.contains($0.name) }
}()

let package = Package(
  name: "sluice",
  products: chosen.contains { $0.name == "sluice" }
    ? [.executable(name: "sluice", targets: ["sluice"])] : [],
  targets: chosen,
  cLanguageStandard: .c2x,
  cxxLanguageStandard: .cxx17
)
