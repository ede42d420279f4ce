#pragma once
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static inline int linux_open(const char *path, int flags, mode_t mode) {
  return open(path, flags | O_CLOEXEC, mode);
}
static inline int linux_openat(int folder, const char *path, int flags, mode_t mode) {
  return openat(folder, path, flags | O_CLOEXEC, mode);
}
static inline int linux_fcntl_int(int descriptor, int command, long value) {
  return fcntl(descriptor, command, value);
}
static inline int linux_errno(void) { return errno; }
/// fallocate(2) from the start of the file, its size raised to `size` where it is less.
int linux_allocate(int descriptor, int64_t size);
