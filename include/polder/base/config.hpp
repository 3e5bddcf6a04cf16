// SPDX-License-Identifier: Apache-2.0
//
// The only file that asks which compiler and which processor. Everything it defines is listed here:
//
//   POLDER_INLINE     inline even where the optimiser hesitates: the dozen functions of the fast path
//   POLDER_COLD       kept out of line and out of the way: the slow path of a function that is inlined
//   POLDER_HAS_RSEQ   1 where the restartable sequences are written for (x86-64 Linux, not under ThreadSanitizer)
//   POLDER_CHECKED    1 in debug builds: `invariant()` is evaluated
//
// The builder may set POLDER_NO_RSEQ to leave the sequences out, and POLDER_NO_WORD_CHECK to switch off the comparison of
// a handle with its slot word: that exists for one purpose, the positive control of the tests, and is never right elsewhere.
#pragma once

#define POLDER_INLINE [[gnu::always_inline]] inline
#define POLDER_COLD [[gnu::noinline, gnu::cold]]

#if defined(__SANITIZE_THREAD__)
#define POLDER_HAS_RSEQ 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define POLDER_HAS_RSEQ 0
#endif
#endif

#if !defined(POLDER_HAS_RSEQ)
#if defined(__linux__) && defined(__x86_64__) && defined(__LP64__) && !defined(POLDER_NO_RSEQ)
#define POLDER_HAS_RSEQ 1
#else
#define POLDER_HAS_RSEQ 0
#endif
#endif

#if !defined(POLDER_CHECKED)
#if defined(NDEBUG)
#define POLDER_CHECKED 0
#else
#define POLDER_CHECKED 1
#endif
#endif
