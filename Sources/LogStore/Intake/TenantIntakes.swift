import TelemetryModel

/// The intake of each tenant: the server's, or one with limits of the tenant's own. All share
/// their token buckets, so that what a tenant has spent outlives a change of its limits.
struct TenantIntakes {
  private let shared: PushIntake
  private var own: [TenantID: PushIntake] = [:]
  private let tenantRates = TokenBuckets<TenantID>()
  private let streamRates = TokenBuckets<StreamKey>()

  init(limits: IntakeLimits) {
    shared = PushIntake(limits: limits, tenantRates: tenantRates, streamRates: streamRates)
  }

  subscript(_ tenant: TenantID) -> PushIntake { own[tenant] ?? shared }

  mutating func setOverrides(_ limits: [TenantID: IntakeLimits]) {
    own = limits.mapValues { limits in
      PushIntake(limits: limits, tenantRates: tenantRates, streamRates: streamRates)
    }
  }
}
