/* The dispatch table. HJ_HAVE_* come from the build: a variant that the compiler cannot build has no row. */
#include "core.h"

const hj_variant *const hj_variants[] = {
    &hj_portable,
#ifdef HJ_HAVE_SSE2
    &hj_sse2,
#endif
#ifdef HJ_HAVE_AVX2
    &hj_avx2,
#endif
#ifdef HJ_HAVE_AVX512
    &hj_avx512,
#endif
#ifdef HJ_HAVE_SHANI
    &hj_shani,
#endif
#ifdef HJ_HAVE_NEON
    &hj_neon,
#endif
#ifdef HJ_HAVE_ARMV8
    &hj_armv8,
#endif
};

uint32_t hj_variant_count(void)
{
    return sizeof hj_variants / sizeof *hj_variants;
}

const char *hj_variant_name(uint32_t variant)
{
    return hj_variants[variant]->name;
}

uint32_t hj_variant_lanes(uint32_t variant)
{
    return hj_variants[variant]->lanes;
}

uint32_t hj_variant_needs(uint32_t variant)
{
    return hj_variants[variant]->needs;
}
