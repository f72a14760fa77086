/* Every variant, best first for most CPUs, by architecture. CMakeLists.txt has the flags that each file needs.
 *
 * To add one, write NAME.c with a row `hj_variant hj_NAME` and a line here and there. */
#ifndef HJ_VARIANTS_H
#define HJ_VARIANTS_H

#include "core.h"

#if defined(__x86_64__) || defined(_M_X64)
#define HJ_VARIANTS(X) X(avx512) X(shani) X(shani_sse) X(avx2) X(sse2) X(portable)
#elif defined(__aarch64__) || defined(_M_ARM64)
#define HJ_VARIANTS(X) X(armv8) X(neon) X(portable)
#else
#define HJ_VARIANTS(X) X(portable)
#endif

#define DECLARE(name) extern const hj_variant hj_##name;
HJ_VARIANTS(DECLARE)
#undef DECLARE

const hj_variant *hj_variant_at(uint32_t variant);

#endif
