/* The two SHA-256 compressions that a Bitcoin header costs, for one lane or many, in C and OpenCL alike.
 *
 * The first hash is the header's second chunk: W3 is the nonce, all other words are the job's or padding.
 * The second hash is the digest's one chunk: W0..W7 are the digest, the rest is padding. What does not depend on
 * the nonce is left to the caller, once per job; what cannot reach digest word 7 is left out.
 *
 * The includer defines
 *   V            a word of every lane                     ROTR(x, n), SHR(x, n)     rotate, shift right
 *   ADD(x, y)    x + y; y may be a word for all lanes     XOR3(x, y, z)             x ^ y ^ z
 *   SPLAT(x)     a word for all lanes as a V              CH(e, f, g), MAJ(a, b, c)
 *   INLINE       what declares an inline function         H0                        the initial state, an array
 * and calls these functions with a constant t, so that indices and conditions cost nothing. Where rounds are looped
 * over, t modulo 8 is enough for the rounds themselves. */
#ifndef HJ_SHA256_ROUNDS_H
#define HJ_SHA256_ROUNDS_H

#if !defined(ROTR) || !defined(SHR) || !defined(ADD) || !defined(XOR3) || !defined(SPLAT)
#error "define ROTR, SHR, ADD, XOR3 and SPLAT before including this template"
#endif
#if !defined(CH) || !defined(MAJ) || !defined(INLINE)
#error "define CH, MAJ and INLINE before including this template"
#endif

/* FIPS 180-4, 4.1.2. */
#define BIG_SIGMA0(x) XOR3(ROTR(x, 2), ROTR(x, 13), ROTR(x, 22))
#define BIG_SIGMA1(x) XOR3(ROTR(x, 6), ROTR(x, 11), ROTR(x, 25))
#define SMALL_SIGMA0(x) XOR3(ROTR(x, 7), ROTR(x, 18), SHR(x, 3))
#define SMALL_SIGMA1(x) XOR3(ROTR(x, 17), ROTR(x, 19), SHR(x, 10))

/* Working variable i (0 is a, 7 is h) at the start of round t: the names move through s, the words stay. */
#define VARIABLE(s, i, t) (s)[((i) + 64 - (t)) % 8]

/* Message word t. Unless the includer keeps all words, it takes the place of word t - 16. */
#ifndef WORD
#define WORD(w, t) (w)[(t) % 16]
#endif

/* The first step of round t: h takes up K[t] and W[t], or what is known of their sum. */
#define TAKE(s, t, x) (VARIABLE(s, 7, t) = ADD(VARIABLE(s, 7, t), x))

/* Round t as far as its new e; T1 stays in the place of h. */
INLINE void half_round(V *s, int t)
{
    V e = VARIABLE(s, 4, t), f = VARIABLE(s, 5, t), g = VARIABLE(s, 6, t);
    TAKE(s, t, CH(e, f, g));
    TAKE(s, t, BIG_SIGMA1(e));
    VARIABLE(s, 3, t) = ADD(VARIABLE(s, 3, t), VARIABLE(s, 7, t));
}

INLINE void full_round(V *s, int t)
{
    V a = VARIABLE(s, 0, t), b = VARIABLE(s, 1, t), c = VARIABLE(s, 2, t);
    half_round(s, t);
    TAKE(s, t, ADD(BIG_SIGMA0(a), MAJ(a, b, c)));
}

/* W[t] of any message, t >= 16. */
INLINE V next_word(const V *w, int t)
{
    return ADD(ADD(ADD(SMALL_SIGMA0(WORD(w, t - 15)), WORD(w, t - 16)), WORD(w, t - 7)), SMALL_SIGMA1(WORD(w, t - 2)));
}

/* W[t] of the first hash for t >= 18, where the nonce comes in. W[t] = s1(W[t-2]) + W[t-7] + s0(W[t-15]) + W[t-16]
 * is short as long as most of these are padding; `known` is the sum of those that the nonce does not reach. */
INLINE V first_word(const V *w, int t, uint known)
{
    switch (t) {
    case 18:
        return ADD(SMALL_SIGMA0(w[3]), known);
    case 19:
        return ADD(w[3], known);
    case 21:
        return SMALL_SIGMA1(WORD(w, 19));
    case 20: case 22: case 23: case 24:
        return ADD(SMALL_SIGMA1(WORD(w, t - 2)), known);
    case 25: case 26: case 27: case 28: case 29:
        return ADD(WORD(w, t - 7), SMALL_SIGMA1(WORD(w, t - 2)));
    case 30: case 31: case 32:
        return ADD(ADD(WORD(w, t - 7), known), SMALL_SIGMA1(WORD(w, t - 2)));
    case 33:
        return ADD(ADD(ADD(SMALL_SIGMA0(WORD(w, 18)), known), WORD(w, 26)), SMALL_SIGMA1(WORD(w, 31)));
    default:
        return next_word(w, t);
    }
}

/* W[t] of the second hash, t >= 16: W8 = 2^31, W9..W14 = 0, W15 = 256. */
INLINE V second_word(const V *w, int t)
{
    switch (t) {
    case 16:
        return ADD(SMALL_SIGMA0(w[1]), w[0]);
    case 17:
        return ADD(ADD(SMALL_SIGMA0(w[2]), w[1]), 0x00a00000u); /* s1(W15) */
    case 18: case 19: case 20: case 21:
        return ADD(ADD(SMALL_SIGMA0(w[t - 15]), w[t - 16]), SMALL_SIGMA1(WORD(w, t - 2)));
    case 22:
        return ADD(ADD(ADD(SMALL_SIGMA0(w[7]), w[6]), 256u), SMALL_SIGMA1(WORD(w, 20)));
    case 23:
        return ADD(ADD(ADD(w[7], 0x11002000u), WORD(w, 16)), SMALL_SIGMA1(WORD(w, 21))); /* s0(W8) */
    case 24:
        return ADD(ADD(WORD(w, 17), 0x80000000u), SMALL_SIGMA1(WORD(w, 22)));
    case 25: case 26: case 27: case 28: case 29:
        return ADD(WORD(w, t - 7), SMALL_SIGMA1(WORD(w, t - 2)));
    case 30:
        return ADD(ADD(WORD(w, 23), 0x00400022u), SMALL_SIGMA1(WORD(w, 28))); /* s0(W15) */
    case 31:
        return ADD(ADD(ADD(SMALL_SIGMA0(WORD(w, 16)), 256u), WORD(w, 24)), SMALL_SIGMA1(WORD(w, 29)));
    default:
        return next_word(w, t);
    }
}

/* Round 0 of the second hash: all variables are known, so W0 only has to be added to the new a and e, which without it are
 *   e = H0[3] + T1, T1 = H0[7] + Sigma1(H0[4]) + Ch(H0[4], H0[5], H0[6]) + K[0]   0x98c7e2a2
 *   a = T1 + Sigma0(H0[0]) + Maj(H0[0], H0[1], H0[2])                             0xfc08884d
 * Rounds 57 to 60 need no new a, and 61 to 63 are not needed at all: digest word 7 is H0[7] + e after round 60. */
INLINE void second_start(V *s, V w0)
{
    s[7] = ADD(w0, 0xfc08884du);
    s[0] = SPLAT(H0[0]);
    s[1] = SPLAT(H0[1]);
    s[2] = SPLAT(H0[2]);
    s[3] = ADD(w0, 0x98c7e2a2u);
    s[4] = SPLAT(H0[4]);
    s[5] = SPLAT(H0[5]);
    s[6] = SPLAT(H0[6]);
}

#endif
