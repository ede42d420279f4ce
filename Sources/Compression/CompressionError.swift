/// Why bytes could not be compressed or inflated.
package enum CompressionError: Error, Hashable {
  /// The input is not of its format, or ends early.
  case corrupt(format: String)
  /// The output would pass the caller's limit, in bytes. Nothing beyond it was inflated.
  case tooLarge(bytesMax: Int)
  /// The library could not get memory or refused its parameters.
  case failed(format: String)
}
