#pragma once
// Calls that Swift cannot make itself: variadic functions, macros, and SIMD helpers.
#include "files.h"
#include "sockets.h"
#include "threads.h"
#include "bytes.h"
#include "classes.h"
#include "hashes.h"
#include "numbers.h"
#include "planes.h"
#include "search.h"
