/* The rounds of loops-inl.h in assembly, for SSE2 (4 lanes) and AVX2 (8 lanes).
 *
 * The order of the instructions decides how fast they are, and compilers reorder: 5 to 10 % either way between gcc and
 * clang. So each function is one statement that they can only take as it is; which registers it gets is up to them.
 * docs/design/search.md has the measurements behind this order. */
#if STREAMS != 1
#error "written for one stream"
#endif

/* Instructions: three operands with AVX, two without. The last operand is the one that changes. */
#ifdef __AVX__
#define LOAD(x, z) "vmovdqa " x ", " z "\n\t"
#define STORE(x, z) "vmovdqa " x ", " z "\n\t"
#define ADD_TO(x, z) "vpaddd " x ", " z ", " z "\n\t"
#define AND_TO(x, z) "vpand " x ", " z ", " z "\n\t"
#define XOR_TO(x, z) "vpxor " x ", " z ", " z "\n\t"
#define XOR(x, y, z) "vpxor " x ", " y ", " z "\n\t"
#define RIGHT(n, x, z) "vpsrld $" n ", " x ", " z "\n\t"
#define RIGHT_IN_PLACE(n, z) RIGHT(n, z, z)
#define LEFT(n, x, z) "vpslld $" n ", " x ", " z "\n\t"
#else
#define LOAD(x, z) "movdqa " x ", " z "\n\t"
#define STORE(x, z) "movdqa " x ", " z "\n\t"
#define ADD_TO(x, z) "paddd " x ", " z "\n\t"
#define AND_TO(x, z) "pand " x ", " z "\n\t"
#define XOR_TO(x, z) "pxor " x ", " z "\n\t"
#define XOR(x, y, z) LOAD(x, z) XOR_TO(y, z)
#define RIGHT_IN_PLACE(n, z) "psrld $" n ", " z "\n\t"
#define RIGHT(n, x, z) LOAD(x, z) RIGHT_IN_PLACE(n, z)
#define LEFT_IN_PLACE(n, z) "pslld $" n ", " z "\n\t"
#define LEFT(n, x, z) LOAD(x, z) LEFT_IN_PLACE(n, z)
#endif

/* Operands: the state a to h as it is when a loop begins, b ^ c in p or q by turns, six temporaries. */
#define A "%[a]"
#define B "%[b]"
#define C "%[c]"
#define D "%[d]"
#define E "%[e]"
#define F "%[f]"
#define G "%[g]"
#define H "%[h]"
#define P "%[p]"
#define Q "%[q]"
#define T0 "%[t0]"
#define T1 "%[t1]"
#define T2 "%[t2]"
#define T3 "%[t3]"
#define T4 "%[t4]"
#define T5 "%[t5]"

/* Element i (an expression) of the arrays behind the pointers m and k, which a loop moves on by eight elements. */
#define STRING(x) #x
#define STRING_OF(x) STRING(x)
#define VECTOR_BYTES STRING_OF(4 * LANES)
#define W(i) VECTOR_BYTES "*(" i ")(%[m])"
#define KW(i) VECTOR_BYTES "*(64+" i ")(%[m])"
#define KEY(i) VECTOR_BYTES "*(" i ")(%[k])"
#define STATE(i) VECTOR_BYTES "*" i "(%[s])"

/* t0 = x rotated right by n0, n1 and n2, joined by xor. */
#define BIG_SIGMA(x, n0, n1, n2) \
    RIGHT(#n0, x, T0) LEFT("32-" #n0, x, T1) RIGHT(#n1, x, T2) LEFT("32-" #n1, x, T3) RIGHT(#n2, x, T4) \
    LEFT("32-" #n2, x, T5) XOR_TO(T1, T0) XOR_TO(T3, T2) XOR_TO(T5, T4) XOR_TO(T2, T0) XOR_TO(T4, T0)

/* z = x rotated right by n0 and n1 and shifted right by n2, joined by xor; takes x with it. */
#define SMALL_SIGMA(x, z, n0, n1, n2) \
    RIGHT(#n0, x, z) LEFT("32-" #n0, x, T2) RIGHT(#n1, x, T3) LEFT("32-" #n1, x, T4) RIGHT_IN_PLACE(#n2, x) \
    XOR_TO(T2, z) XOR_TO(T4, T3) XOR_TO(T3, z) XOR_TO(x, z)

/* The first half of round i: h += K + W + Ch + Sigma1 and d += h, which is the new e. */
#define HALF(d, e, f, g, h, i) \
    ADD_TO(KW(i), h) XOR(f, g, T0) AND_TO(e, T0) XOR_TO(g, T0) ADD_TO(T0, h) \
    BIG_SIGMA(e, 6, 11, 25) ADD_TO(T0, h) ADD_TO(h, d)

/* The second half: h += Sigma0 + Maj, which is the new a. bc is b ^ c on entry, ab is that of the next round. */
#define OTHER(a, b, h, bc, ab) \
    BIG_SIGMA(a, 2, 13, 22) XOR(a, b, ab) AND_TO(ab, bc) XOR_TO(b, bc) ADD_TO(bc, T0) ADD_TO(T0, h)

/* W[t] and K[t] + W[t], t = i + 28. */
#define WORD_AHEAD(i) \
    LOAD(W(i "+28-15"), T5) SMALL_SIGMA(T5, T0, 7, 18, 3) \
    ADD_TO(W(i "+28-16"), T0) ADD_TO(W(i "+28-7"), T0) \
    LOAD(W(i "+28-2"), T5) SMALL_SIGMA(T5, T1, 17, 19, 10) \
    ADD_TO(T1, T0) STORE(T0, W(i "+28")) ADD_TO(KEY(i "+28"), T0) STORE(T0, KW(i "+28"))

/* The second half of round i, then the first half of round i + 1, where the variables have moved on by one name. */
#define STEP(a, b, c, d, e, f, g, h, bc, ab, i) OTHER(a, b, h, bc, ab) HALF(c, d, e, f, g, i "+1")
#define STEP_AND_WORD(a, b, c, d, e, f, g, h, bc, ab, i) WORD_AHEAD(i) STEP(a, b, c, d, e, f, g, h, bc, ab, i)
#define THREE(X) \
    X(A, B, C, D, E, F, G, H, P, Q, "0") X(H, A, B, C, D, E, F, G, Q, P, "1") X(G, H, A, B, C, D, E, F, P, Q, "2")

/* After four rounds the names have moved half way round. Moves between registers cost less than the room that a loop of
 * eight rounds takes in the cache of decoded instructions. */
#define SWAP(x, y) LOAD(x, T0) LOAD(y, x) LOAD(T0, y)
#define MOVE_NAMES SWAP(A, E) SWAP(B, F) SWAP(C, G) SWAP(D, H)
#define MOVE_POINTER(p) "add $4*" VECTOR_BYTES ", %[" p "]\n\t"

#define FOUR_AND_WORDS \
    THREE(STEP_AND_WORD) STEP_AND_WORD(F, G, H, A, B, C, D, E, Q, P, "3") MOVE_NAMES MOVE_POINTER("m") MOVE_POINTER("k")

/* Ends after the second half of its last round, before the first half of the next. */
#define FOUR_OR_END(end) \
    THREE(STEP) OTHER(F, G, E, Q, P) "sub $1, %[without]\n\tjz " end "\n\t" HALF(H, A, B, C, D, "4") \
    MOVE_NAMES MOVE_POINTER("m")

#define LAST_HALVES HALF(H, A, B, C, D, "4") HALF(G, H, A, B, C, "5") HALF(F, G, H, A, B, "6") HALF(E, F, G, H, A, "7")

#define LOAD_STATE \
    LOAD(STATE("0"), A) LOAD(STATE("1"), B) LOAD(STATE("2"), C) LOAD(STATE("3"), D) \
    LOAD(STATE("4"), E) LOAD(STATE("5"), F) LOAD(STATE("6"), G) LOAD(STATE("7"), H)
#define STORE_MOVED_STATE \
    STORE(E, STATE("0")) STORE(F, STATE("1")) STORE(G, STATE("2")) STORE(H, STATE("3")) \
    STORE(A, STATE("4")) STORE(B, STATE("5")) STORE(C, STATE("6")) STORE(D, STATE("7"))

#define VECTORS \
    [a] "=&" REGISTER(room[0]), [b] "=&" REGISTER(room[1]), [c] "=&" REGISTER(room[2]), [d] "=&" REGISTER(room[3]), \
    [e] "=&" REGISTER(room[4]), [f] "=&" REGISTER(room[5]), [g] "=&" REGISTER(room[6]), [h] "=&" REGISTER(room[7]), \
    [p] "=&" REGISTER(room[8]), [q] "=&" REGISTER(room[9]), [t0] "=&" REGISTER(room[10]), \
    [t1] "=&" REGISTER(room[11]), [t2] "=&" REGISTER(room[12]), [t3] "=&" REGISTER(room[13]), \
    [t4] "=&" REGISTER(room[14]), [t5] "=&" REGISTER(room[15])

/* Runs four rounds `with_words` times and then `without` times, and then four first halves if `halves` is not 0, on the
 * state a, b, ..., h; m and k point to the words and keys of the first round. Never inlined: both hashes run the same
 * code, so that it fits the cache of decoded instructions. */
static __attribute__((noinline)) void rounds(V s[8], const V *m, const V *k, uint64_t with_words, uint64_t without,
                                             uint64_t halves)
{
    V room[16];
    __asm__ volatile(LOAD_STATE XOR(B, C, P) HALF(D, E, F, G, H, "0")
                     "test %[with_words], %[with_words]\n\tjz 2f\n"
                     ".p2align 6\n1:\n\t" FOUR_AND_WORDS "sub $1, %[with_words]\n\tjnz 1b\n\tjmp 2f\n"
                     ".p2align 6\n2:\n\t" FOUR_OR_END("3f") "jmp 2b\n"
                     "3:\n\ttest %[halves], %[halves]\n\tjz 4f\n\t" LAST_HALVES "4:\n\t" STORE_MOVED_STATE
                     : VECTORS, [m] "+r"(m), [k] "+r"(k), [with_words] "+r"(with_words), [without] "+r"(without)
                     : [s] "r"(s), [halves] "r"(halves)
                     : "cc", "memory");
}

INLINE void first_rounds(V s[1][8], message m[1], const V *k)
{
    rounds(*s, m->w + 4, k + 4, 8, 7, 0);
}

INLINE void known_rounds(V s[1][8], const message *m)
{
    rounds(*s, m->w + 4, 0, 0, 15, 0);
}

INLINE void second_rounds(V s[1][8], message m[1], const V *k)
{
    rounds(*s, m->w + 1, k + 1, 8, 6, 1);
    s[0][4] = s[0][0]; /* the names have moved on by four more rounds */
}
