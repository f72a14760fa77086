/* The rounds of loops-inl.h in C. */
#ifndef STREAMS
#error "include loops-inl.h, which includes this file"
#endif

#if STREAMS == 1
#define EACH_STREAM(X, t) X(0, t)
#else
#define EACH_STREAM(X, t) X(0, t) X(1, t)
#endif
#define EIGHT(X, t) X(t) X(t + 1) X(t + 2) X(t + 3) X(t + 4) X(t + 5) X(t + 6) X(t + 7)

/* The second half of round t, its new a; T1 is in the place of h. bc is b ^ c, and becomes that of the next round: c
 * itself is gone, for the next round's first half has made an e of it. */
INLINE void other_half(V *s, V *bc, int t)
{
    V a = VARIABLE(s, 0, t), b = VARIABLE(s, 1, t), ab = a ^ b;
    TAKE(s, t, ADD(BIG_SIGMA0(a), b ^ (ab & *bc)));
    *bc = ab;
}

/* In terms of a round t plus o, which is a multiple of 8; p[i] is the state of stream i, its variables in their places. */
#define TO_PLACES(i, t) \
    to_places(p[i], s[i], t); \
    bc[i] = VARIABLE(p[i], 1, t) ^ VARIABLE(p[i], 2, t);
#define FROM_PLACES(i, t) from_places(s[i], p[i], t);
#define HALF(i, t) TAKE(p[i], t, m[(i) * DISTANCE].kw[(t) + o]); half_round(p[i], t);
#define OTHER(i, t) other_half(p[i], &bc[i], t);
#define AHEAD(i, t) m[i].w[(t) + o] = next_word(m[i].w + o, t); m[i].kw[(t) + o] = ADD(m[i].w[(t) + o], k[(t) + o]);
#define STEP(t) EACH_STREAM(HALF, (t) + 1) EACH_STREAM(OTHER, t)
#define STEP_AND_WORD(t) STEP(t) EACH_STREAM(AHEAD, (t) + 28)
#define DISTANCE 1 /* each stream has a message of its own */

/* Rounds 4 to 63. */
INLINE void first_rounds(V s[STREAMS][8], message m[STREAMS], const V *k)
{
    V p[STREAMS][8], bc[STREAMS];
    int o = 0;
    EACH_STREAM(TO_PLACES, 4)
    EACH_STREAM(HALF, 4)
    for (; o < 32; o += 8) {
        EIGHT(STEP_AND_WORD, 4)
    }
    for (; o < 56; o += 8) {
        EIGHT(STEP, 4)
    }
    STEP(4) STEP(5) STEP(6)
    EACH_STREAM(OTHER, 7)
    EACH_STREAM(FROM_PLACES, 8)
}

/* Rounds 1 to 60; of the last four only the first half, whose e is all that digest word 7 needs. */
INLINE void second_rounds(V s[STREAMS][8], message m[STREAMS], const V *k)
{
    V p[STREAMS][8], bc[STREAMS];
    int o = 0;
    EACH_STREAM(TO_PLACES, 1)
    EACH_STREAM(HALF, 1)
    for (; o < 32; o += 8) {
        EIGHT(STEP_AND_WORD, 1)
    }
    for (; o < 56; o += 8) {
        EIGHT(STEP, 1)
    }
    EACH_STREAM(HALF, 2)
    EACH_STREAM(HALF, 3)
    EACH_STREAM(HALF, 4)
    EACH_STREAM(FROM_PLACES, 5)
}

#undef DISTANCE
#define DISTANCE 0 /* all streams have the same message */

/* Rounds 4 to 63 of a message whose words are known. */
INLINE void known_rounds(V s[STREAMS][8], const message *m)
{
    V p[STREAMS][8], bc[STREAMS];
    int o = 0;
    EACH_STREAM(TO_PLACES, 4)
    EACH_STREAM(HALF, 4)
    for (; o < 56; o += 8) {
        EIGHT(STEP, 4)
    }
    STEP(4) STEP(5) STEP(6)
    EACH_STREAM(OTHER, 7)
    EACH_STREAM(FROM_PLACES, 8)
}
