#pragma once
#include <maxminddb.h>

// The members of the union in an entry's data, which Swift does not see since one is 128 bits wide.
static inline const char *entry_data_text(const MMDB_entry_data_s *data) { return data->utf8_string; }
static inline double entry_data_double(const MMDB_entry_data_s *data) { return data->double_value; }
static inline float entry_data_float(const MMDB_entry_data_s *data) { return data->float_value; }
static inline uint64_t entry_data_unsigned(const MMDB_entry_data_s *data) {
  switch (data->type) {
  case MMDB_DATA_TYPE_UINT16: return data->uint16;
  case MMDB_DATA_TYPE_UINT32: return data->uint32;
  case MMDB_DATA_TYPE_UINT64: return data->uint64;
  default: return 0;
  }
}
static inline int32_t entry_data_signed(const MMDB_entry_data_s *data) { return data->int32; }
static inline bool entry_data_bool(const MMDB_entry_data_s *data) { return data->boolean; }
