/* SHA-256 on single words in plain C (FIPS 180-4, 4.1.2 and 6.2.2): for whatever happens once per job or candidate. */
#ifndef HJ_CORE_SHA256_H
#define HJ_CORE_SHA256_H

#include <stdint.h>

#include "sha256_constants.h"

static inline uint32_t hj_bswap32(uint32_t x)
{
    return x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24;
}

static inline uint32_t hj_rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* W[t] from W[t-16], W[t-15], W[t-7] and W[t-2]. */
static inline uint32_t hj_next_word(uint32_t w16, uint32_t w15, uint32_t w7, uint32_t w2)
{
    uint32_t s0 = hj_rotr(w15, 7) ^ hj_rotr(w15, 18) ^ w15 >> 3;
    uint32_t s1 = hj_rotr(w2, 17) ^ hj_rotr(w2, 19) ^ w2 >> 10;
    return w16 + s0 + w7 + s1;
}

/* One round on the state a, b, ..., h; kw is K[t] + W[t]. */
static inline void hj_round(uint32_t s[8], uint32_t kw)
{
    uint32_t a = s[0], e = s[4];
    uint32_t t1 = s[7] + (hj_rotr(e, 6) ^ hj_rotr(e, 11) ^ hj_rotr(e, 25)) + (s[6] ^ (e & (s[5] ^ s[6]))) + kw;
    uint32_t t2 = (hj_rotr(a, 2) ^ hj_rotr(a, 13) ^ hj_rotr(a, 22)) + ((a & s[1]) | (s[2] & (a | s[1])));
    for (int i = 7; i > 0; i--) {
        s[i] = s[i - 1];
    }
    s[4] += t1;
    s[0] = t1 + t2;
}

/* The state after rounds 0 to 3 of the header's second chunk, with a nonce word of 0: the nonce word only adds itself
 * to a and e of this state, so each nonce starts at round 4. */
static inline void hj_start(uint32_t s[8], const uint32_t midstate[8], const uint32_t tail[3])
{
    static const uint32_t K[64] = {HJ_SHA256_K};
    for (int i = 0; i < 8; i++) {
        s[i] = midstate[i];
    }
    for (int t = 0; t < 4; t++) {
        hj_round(s, K[t] + (t < 3 ? tail[t] : 0));
    }
}

#endif
