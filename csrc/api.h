/* All of the C core that Python sees. cffi reads this file as it stands, so it holds declarations and integer
 * constants only; core.h wraps it with the includes and the guard that C needs. */

/* Most midstates (rolled versions) of one job: 64 to 256 amortise the shared schedule, more would only add memory. */
#define HJ_MAX_MIDSTATES 256

/* One header to search. Words are in SHA-256's sense: each four header bytes read as a big-endian number. */
typedef struct {
    const uint32_t *midstates; /* n_midstates times 8: the state after header bytes 0..63, one for each version */
    uint32_t n_midstates;      /* 1: plain search; 2..HJ_MAX_MIDSTATES: rolled search */
    uint32_t tail[3];          /* header bytes 64..75: end of the merkle root, time, nbits */
    uint32_t target[8];        /* the 256-bit target, most significant word first */
} hj_job;

typedef struct {
    uint32_t midstate; /* index of the midstate, which names the version */
    uint32_t nonce;    /* as the number in the header: bytes 76..79 are its little-endian form */
} hj_hit;

/* Tries the nonces first, first+1, ..., first+count-1 (mod 2^32; count <= 2^32) with every midstate, each pair
 * exactly once, and writes the pairs whose double SHA-256 is <= target, in no set order.
 *
 * Returns how many nonces are done. Fewer than count means that the hits of the next ones would not fit: the caller
 * empties its buffer and goes on at first + done. 0 for a count above 0 means that the call was refused: no such
 * variant in this build, n_midstates outside 1..HJ_MAX_MIDSTATES, capacity below n_midstates, or count above 2^32.
 * The caller checks that this CPU has what the variant needs. */
uint64_t hj_scan(uint32_t variant, const hj_job *job, uint32_t first, uint64_t count, hj_hit *hits,
                 uint32_t capacity, uint32_t *n_hits);

/* The dispatch table: the variants for this architecture, whether or not this CPU can run them. */
uint32_t hj_variant_count(void);
const char *hj_variant_name(uint32_t variant);
uint32_t hj_variant_lanes(uint32_t variant);     /* hashes that one step works on; 0: not in this build */
uint32_t hj_variant_needs(uint32_t variant);     /* CPU features, as bits of hj_cpu_features */

/* CPU features, as the instruction set and the operating system's saved register state allow them. */
uint32_t hj_cpu_features(void);
uint32_t hj_feature_count(void);
const char *hj_feature_name(uint32_t bit);
const char *hj_compiler(void);

/* The SHA-256 compression function (FIPS 180-4, 6.2.2) in plain C: state is updated by one block of 16 words. */
void hj_compress(uint32_t state[8], const uint32_t block[16]);

/* Runs a chain of dependent one-cycle instructions and returns how many, or 0 where no such chain is known: divided
 * by CPU time this is the clock rate that the core really has. */
uint64_t hj_clock_chain(uint64_t instructions);
