/* The search of c:neon for any CPU: two streams, and the rounds in C. */
#define LANES 4
#define STREAMS 2
#define ROUNDS "rounds-c-inl.h"
#include "generic-inl.h"

#include "loops-inl.h"

const hj_variant hj_generic_loops = {"generic_loops", BATCH, 0, plain, rolled};
