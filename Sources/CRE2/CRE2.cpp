#include "CRE2.h"

#include <re2/re2.h>

#include <cstring>
#include <memory>
#include <string>

struct cre2_regex {
  std::unique_ptr<re2::RE2> regex;
};

extern "C" cre2_regex *cre2_compile(const char *pattern, size_t count, int64_t memory_max,
                                    bool latin1, bool ignore_case, char *reason,
                                    size_t reason_capacity) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(memory_max);
  options.set_case_sensitive(!ignore_case);
  if (latin1) options.set_encoding(re2::RE2::Options::EncodingLatin1);
  auto made = std::make_unique<re2::RE2>(re2::StringPiece(pattern, count), options);
  if (!made->ok()) {
    std::strncpy(reason, made->error().c_str(), reason_capacity - 1);
    reason[reason_capacity - 1] = 0;
    return nullptr;
  }
  return new cre2_regex{std::move(made)};
}

extern "C" void cre2_free(cre2_regex *regex) { delete regex; }

extern "C" int cre2_group_count(const cre2_regex *regex) {
  return regex->regex->NumberOfCapturingGroups();
}

extern "C" size_t cre2_group_name(const cre2_regex *regex, int index, char *name,
                                  size_t capacity) {
  const auto &names = regex->regex->CapturingGroupNames();
  auto found = names.find(index);
  if (found == names.end()) return 0;
  size_t count = std::min(found->second.size(), capacity);
  std::memcpy(name, found->second.data(), count);
  return count;
}

extern "C" bool cre2_match(const cre2_regex *regex, const char *text, size_t count, size_t from,
                           bool whole, cre2_group *groups, int group_count) {
  constexpr int kMax = 64;
  re2::StringPiece found[kMax];
  if (group_count > kMax) group_count = kMax;
  auto anchor = whole ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED;
  if (!regex->regex->Match(re2::StringPiece(text, count), from, count, anchor, found, group_count))
    return false;
  for (int i = 0; i < group_count; i++) {
    groups[i].start = found[i].data();
    groups[i].count = found[i].size();
  }
  return true;
}
