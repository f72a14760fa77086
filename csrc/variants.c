/* The dispatch table. The build sets HJ_HAVE_name to 1 for each variant that this compiler can build, else to 0. */
#include "variants.h"

#define HJ_HAVE_portable 1
#define HJ_HAVE_generic_beside 1
#define HJ_HAVE_generic_loops 1

/* A variant that was not built keeps its place and its name. */
#define ROW_1(name) &hj_##name,
#define ROW_0(name) &(const hj_variant){#name, 0, 0, 0, 0},
#define ROW_IF(have, name) ROW_##have(name)
#define ROW_FOR(have, name) ROW_IF(have, name)
#define ROW(name) ROW_FOR(HJ_HAVE_##name, name)

static const hj_variant *const VARIANTS[] = {HJ_VARIANTS(ROW)};

uint32_t hj_variant_count(void)
{
    return sizeof VARIANTS / sizeof *VARIANTS;
}

const hj_variant *hj_variant_at(uint32_t variant)
{
    return VARIANTS[variant];
}

const char *hj_variant_name(uint32_t variant)
{
    return VARIANTS[variant]->name;
}

uint32_t hj_variant_lanes(uint32_t variant)
{
    return VARIANTS[variant]->lanes;
}

uint32_t hj_variant_needs(uint32_t variant)
{
    return VARIANTS[variant]->needs;
}
