// TENZO_TARGET("...") compiles what follows, up to TENZO_TARGET_END, for an instruction set.
#pragma once

#define TENZO_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define TENZO_TARGET(set) \
    TENZO_PRAGMA(clang attribute push(__attribute__((target(set))), apply_to = function))
#define TENZO_TARGET_END TENZO_PRAGMA(clang attribute pop)
#else
#define TENZO_TARGET(set) TENZO_PRAGMA(GCC push_options) TENZO_PRAGMA(GCC target(set))
#define TENZO_TARGET_END TENZO_PRAGMA(GCC pop_options)
#endif
