import Configuration
import LinuxIO
import LogSources
import TelemetryModel
import TextTemplate

/// What becomes of an entry after a stage.
enum StageVerdict {
  case proceed
  /// Goes on at another stage: behind a `match` that does not apply.
  case jump(Int)
  case drop(reason: String)
  /// The stage keeps the entry for later.
  case hold
  /// Entries that were held go on instead, in order; this one is held.
  case replace([StageEntry])
  /// The entry was taken apart: these, one at least, go on instead, in order.
  case split([StageEntry])
}

/// One step of a pipeline. Belongs to one pipeline and one thread.
///
/// A class, so that a pipeline can call its stages without counting references to them.
class Stage {
  /// What becomes of the entry; by default it goes on as it is.
  func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict { .proceed }
}

/// A stage that can keep entries back.
protocol HoldingStage: Stage {
  /// The monotonic clock's nanoseconds at which ``expired(now:)`` has something to give; nil
  /// for never.
  var nextDeadline: Int64? { get }
  /// Entries whose time is over.
  func expired(now: Int64) -> [StageEntry]
  /// Everything that is held.
  func flushed() -> [StageEntry]
  /// What is let go of when Promtail stops.
  func stopped() -> [StageEntry]
  func heldOrigins(_ visit: (LineOrigin) -> Void)
}

extension HoldingStage {
  func stopped() -> [StageEntry] { flushed() }
}

/// What the stages of one pipeline share.
final class StageResources {
  let slots = SlotTable()
  let clock: any WallClock
  let zones: TimeZoneDatabase
  let metrics: PipelineMetrics
  /// What templates of stages can call.
  private(set) lazy var templateFunctions: TemplateFunctions = .promtail(
    TemplateEnvironment(
      now: { [clock] in Timestamp(nanoseconds: clock.now()) }, zones: zones,
      localZone: zones.rules(named: "Local") ?? .utc))
  /// What was noticed in the settings of stages.
  let remarks = SettingRemarks()
  /// When reading may go on after a `limit` that does not drop, by the monotonic clock.
  var readAgainAt: Int64?

  /// Lines that `limit` stages dropped, by the label that they count by.
  var dropsByLabel: [LabelDropKey: UInt64] = [:]

  /// The clock's nanoseconds since the epoch.
  var now: Int64 { clock.now() }

  /// Nanoseconds of the clock that only goes forward: for waiting times and rates.
  var monotonicNow: Int64 { Int64(truncatingIfNeeded: clock.monotonic().nanoseconds) }

  init(clock: any WallClock, zones: TimeZoneDatabase, metrics: PipelineMetrics) {
    self.clock = clock
    self.zones = zones
    self.metrics = metrics
  }
}

/// The label whose lines a `limit` stage dropped.
struct LabelDropKey: Hashable {
  let name: Int
  let value: [UInt8]
}
