#define _GNU_SOURCE
#include "files.h"

int linux_allocate(int descriptor, int64_t size) { return fallocate(descriptor, 0, 0, size); }
