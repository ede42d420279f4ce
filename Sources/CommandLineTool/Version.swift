/// The version of the binary, by semver.org; also in `/loki/api/v1/status/buildinfo`.
package let sluiceVersion = "0.1.0"
