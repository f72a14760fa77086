/* Lanes in the vectors of gcc and clang, which they build for any CPU. */
#define REGISTER "m"
#define ZERO_LANES(x) \
    ({ \
        words found; \
        uint64_t zeros = 0; \
        found.v = (x); \
        for (int n = 0; n < LANES; n++) { \
            zeros |= (uint64_t)!found.lane[n] << n; \
        } \
        zeros; \
    })
