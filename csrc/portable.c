/* One hash at a time, in plain C. */
#include <stdint.h>

typedef uint32_t V;
#define LANES 1
#define STREAMS 1
#define REGISTER "r"
#define ZERO_LANES(x) ((x) == 0)

#include "lanes.h"

const hj_variant hj_portable = {"portable", STREAMS * LANES, 0, plain, rolled};
