/* What the variants with SHA instructions precompute for a job in plain C. */
#ifndef HJ_START_H
#define HJ_START_H

#include "core.h"
#include "sha256_constants.h"

static inline uint32_t hj_rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* The state a, b, ..., h after rounds 0..3 of the header's second chunk, with a nonce word of 0: the nonce word
 * only adds itself to a and e of this state, so each nonce starts at round 4. */
static inline void hj_start(uint32_t s[8], const uint32_t midstate[8], const uint32_t tail[3])
{
    static const uint32_t K[64] = {HJ_SHA256_K};
    for (int i = 0; i < 8; i++) {
        s[i] = midstate[i];
    }
    for (int t = 0; t < 4; t++) {
        uint32_t e = s[4], a = s[0];
        uint32_t t1 = s[7] + (hj_rotr(e, 6) ^ hj_rotr(e, 11) ^ hj_rotr(e, 25)) + (s[6] ^ (e & (s[5] ^ s[6]))) + K[t];
        uint32_t t2 = (hj_rotr(a, 2) ^ hj_rotr(a, 13) ^ hj_rotr(a, 22)) + ((a & s[1]) | (s[2] & (a | s[1])));
        t1 += t < 3 ? tail[t] : 0;
        for (int i = 7; i > 0; i--) {
            s[i] = s[i - 1];
        }
        s[4] += t1;
        s[0] = t1 + t2;
    }
}

#endif
