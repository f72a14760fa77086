/* One hash at a time, in plain C. */
#define LANES 1
#define STREAMS 1
#define REGISTER "r"
#define ZERO_LANES(x) ((x) == 0)
#define ROUNDS "rounds-c-inl.h"

#include "loops-inl.h"

const hj_variant hj_portable = {"portable", BATCH, 0, plain, rolled};
