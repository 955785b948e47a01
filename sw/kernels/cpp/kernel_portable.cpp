// Path portable: plain C++, on every processor.
#include "program.hpp"

#define PATH path_portable
#define PATH_OBJECT PORTABLE
#define PATH_NAME "portable"
#define PATH_WORKS true
#define TILE_VECTORS 1
#define REAL_BYTES 16
#define VECTORS "vector_portable.hpp"
#include "path.hpp"
