/* How the compilers that build a variant are told to inline a function and to unroll a loop. */
#ifndef HJ_INLINE_H
#define HJ_INLINE_H

#define INLINE static inline __attribute__((always_inline))

/* Unrolls the loop that follows. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#endif
