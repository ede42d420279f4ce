#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC32C (Castagnoli) of `count` bytes, continued from `crc` (0 to begin).
uint32_t linux_crc32c(uint32_t crc, const void *bytes, size_t count);
/// The same by table alone, for machines without the instruction; tested everywhere.
uint32_t linux_crc32c_plain(uint32_t crc, const void *bytes, size_t count);
/// XXH3 with 64 bits.
uint64_t linux_xxh3(const void *bytes, size_t count, uint64_t seed);
/// XXH64, the older one, which Prometheus's label hashes are made with.
uint64_t linux_xxh64(const void *bytes, size_t count, uint64_t seed);
