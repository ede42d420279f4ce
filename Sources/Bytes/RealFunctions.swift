import CLinux

/// `base` to the power of `exponent`, as C's `pow`.
package func realPower(_ base: Double, _ exponent: Double) -> Double { linux_power(base, exponent) }
