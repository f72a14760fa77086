/* What this CPU and its operating system can run, and how fast its clock really is. */
#include "core.h"

static const char *const NAMES[] = {
#define NAME(feature, text) [HJ_BIT_##feature] = text,
    HJ_FEATURES(NAME)
#undef NAME
};

_Static_assert(sizeof NAMES / sizeof *NAMES == HJ_N_FEATURES && HJ_N_FEATURES <= 32, "one name for each feature bit");

uint32_t hj_feature_count(void)
{
    return HJ_N_FEATURES;
}

const char *hj_feature_name(uint32_t bit)
{
    return NAMES[bit];
}

#if defined(__x86_64__) || defined(_M_X64)

#include <cpuid.h>

static int bit(uint32_t word, int n)
{
    return word >> n & 1;
}

/* XCR0: the register state that the operating system saves on a context switch (Intel SDM vol. 1, 13.3). */
static uint32_t saved_state(uint32_t leaf1_ecx)
{
    uint32_t low = 0, high;
    if (bit(leaf1_ecx, 27)) { /* OSXSAVE */
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    }
    return low;
}

uint32_t hj_cpu_features(void)
{
    uint32_t a, b, c, d, b7 = 0, f = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) {
        return 0;
    }
    uint32_t xcr0 = saved_state(c);
    int ymm = (xcr0 & 0x06) == 0x06, zmm = (xcr0 & 0xe6) == 0xe6, avx = ymm && bit(c, 28);
    uint32_t a7, c7, d7;
    if (!__get_cpuid_count(7, 0, &a7, &b7, &c7, &d7)) {
        b7 = 0;
    }
    f |= bit(d, 26) ? HJ_SSE2 : 0;
    f |= bit(c, 19) ? HJ_SSE41 : 0;
    f |= avx ? HJ_AVX : 0;
    f |= avx && bit(b7, 5) ? HJ_AVX2 : 0;
    f |= zmm && bit(b7, 16) ? HJ_AVX512F : 0;
    f |= bit(b7, 29) ? HJ_SHA : 0;
    return f;
}

#elif defined(__aarch64__) || defined(_M_ARM64)

#if defined(__linux__)
#include <sys/auxv.h>
#define HAS_SHA2 (getauxval(AT_HWCAP) >> 6 & 1) /* HWCAP_SHA2 */
#elif defined(__APPLE__)
#define HAS_SHA2 1 /* every 64-bit Arm Mac has it */
#elif defined(_WIN32)
#include <windows.h>
#define HAS_SHA2 IsProcessorFeaturePresent(PF_ARM_V8_CRYPTO_INSTRUCTIONS_AVAILABLE)
#else
#define HAS_SHA2 0
#endif

uint32_t hj_cpu_features(void)
{
    return HJ_NEON | (HAS_SHA2 ? HJ_ARM_SHA2 : 0); /* AArch64 always has NEON */
}

#else

uint32_t hj_cpu_features(void)
{
    return 0;
}

#endif

const char *hj_compiler(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "unknown";
#endif
}

/* A register added to itself, again and again: no renaming trick shortens that chain below one cycle a link. */
#if defined(__x86_64__)
#define LINK "add %0, %0\n\t"
#elif defined(__aarch64__)
#define LINK "add %0, %0, %0\n\t"
#endif

uint64_t hj_clock_chain(uint64_t instructions)
{
#ifdef LINK
    uint64_t x = 1;
    for (uint64_t i = 0; i < instructions / 64; i++) {
#define LINK8 LINK LINK LINK LINK LINK LINK LINK LINK
        __asm__ volatile(LINK8 LINK8 LINK8 LINK8 LINK8 LINK8 LINK8 LINK8 : "+r"(x));
    }
    return instructions / 64 * 64;
#else
    (void)instructions;
    return 0;
#endif
}
