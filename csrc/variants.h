/* Every variant by architecture, in the order in which users see them. CMakeLists.txt has the flags of each file.
 *
 * To add one, write NAME.c with its row, `const hj_variant hj_NAME`, and add the name here and there. */
#ifndef HJ_VARIANTS_H
#define HJ_VARIANTS_H

#include "core.h"

#ifdef HJ_TEST_VARIANTS /* tests/c: both lane-generic searches on any CPU */
#define HJ_EVERYWHERE(X) X(portable) X(generic_beside) X(generic_loops)
#else
#define HJ_EVERYWHERE(X) X(portable)
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define HJ_VARIANTS(X) X(avx512) X(shani) X(shani_sse) X(avx2) X(sse2) HJ_EVERYWHERE(X)
#elif defined(__aarch64__) || defined(_M_ARM64)
#define HJ_VARIANTS(X) X(armv8) X(neon) HJ_EVERYWHERE(X)
#else
#define HJ_VARIANTS(X) HJ_EVERYWHERE(X)
#endif

#define DECLARE(name) extern const hj_variant hj_##name;
HJ_VARIANTS(DECLARE)
#undef DECLARE

const hj_variant *hj_variant_at(uint32_t variant);

#endif
