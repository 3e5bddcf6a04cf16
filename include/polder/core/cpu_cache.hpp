// SPDX-License-Identifier: Apache-2.0
//
// The two restartable sequences: take the top entry of this CPU's stack, put an entry on it.
//
// Both commit with ONE store, the slot's word, and that store is their last instruction. Preempted, migrated, signalled or
// killed anywhere before it, nothing has happened: what was written until then (an entry above the live ones, a lowered or
// raised top, a note) is a hint, and a hint is compared with the word before it is believed.
//
//   take   look at the top entry; drop it if its word has moved on; else store word = new owner. The entry stays, dead.
//   put    compare the word with the handle (a mismatch is misuse); drop dead entries; write the entry; raise the top;
//          store word = CACHED(cpu).
//
// Each function is ONE attempt and never loops: the caller bounds the retries, because a debugger that steps, a thread that the
// C library did not register, or a storm of signals would otherwise spin for ever.
//
// The thread's pointer to the announced range is cleared on the way out: this code is inlined into its users, and the kernel kills
// a process whose pointer survives a dlclose() of the code it points to.
//
// x86-64 keeps stores in order, so the commit is a release: whoever reads the word on another CPU sees the note and the entry.
// Nothing here may be instrumented; it is assembly from the first announced instruction to the last.
#pragma once

#include <cstddef>
#include <cstdint>

#include "polder/base/config.hpp"
#include "polder/core/slot_word.hpp"
#include "polder/core/types.hpp"

namespace polder::core {

/// Where the sequences find things; filled once per arena. One cache line.
struct cache_access {
    const std::uint64_t* cpu_table = nullptr;  ///< offset of each CPU's set from a class's first stack; 0 = the closed set
    slot_record* records = nullptr;
    std::ptrdiff_t rseq_offset = 0;
};

enum class attempt { done, none, aborted, mismatch };

struct taken_slot {
    slot_number slot;
    word_bits word;  ///< its word now
};

#if POLDER_HAS_RSEQ

// Announces [1:, 2:) with the abort handler 4:, and compares the CPU on which the numbers were computed with the one we are on.
#define POLDER_SEQUENCE_BEGIN                                               \
    ".pushsection __rseq_cs, \"aw\"\n\t"                                    \
    ".balign 32\n\t"                                                        \
    "3:\n\t"                                                                \
    ".long 0, 0\n\t"                                                        \
    ".quad 1f, (2f - 1f), 4f\n\t"                                           \
    ".popsection\n\t"                                                       \
    "leaq 3b(%%rip), %%rax\n\t"                                             \
    "movq %%rax, %%fs:8(%[area])\n\t" /* rseq_cs */                         \
    "1:\n\t"                                                                \
    "cmpl %k[cpu], %%fs:4(%[area])\n\t" /* cpu_id */                        \
    "jne 4f\n\t"
// Ends the range, clears the pointer, and places the abort handler behind the signature that the kernel looks for.
#define POLDER_SEQUENCE_END                                                 \
    "2:\n\t"                                                                \
    "movq $0, %%fs:8(%[area])\n\t"                                          \
    ".pushsection __rseq_failure, \"ax\"\n\t"                               \
    ".byte 0x0f, 0xb9, 0x3d\n\t" /* ud1, so that the signature decodes */   \
    ".long 0x53053053\n\t"                                                  \
    "4:\n\t"                                                                \
    "movq $0, %%fs:8(%[area])\n\t"                                          \
    "jmp %l[aborted]\n\t"                                                   \
    ".popsection\n\t"

/// The CPU this thread runs on, or ran on a moment ago: the sequence checks.
POLDER_INLINE std::uint64_t current_cpu_hint(std::ptrdiff_t rseq_offset) noexcept {
    std::uint32_t cpu;
    asm volatile("movl %%fs:(%[area]), %[cpu]" : [cpu] "=r"(cpu) : [area] "r"(rseq_offset));  // cpu_id_start
    return cpu;
}

/// Takes the top slot of the stack at `stacks` (the class's stack in set 0) on this CPU.
/// `retag_by` is added to a word that says CACHED(0): generation_one + tag_held − kind_cached for a user's acquisition.
/// none: the stack is empty. aborted: try again, a bounded number of times.
POLDER_INLINE attempt take_cached(const cache_access& at, std::byte* stacks, word_bits retag_by, std::uint64_t note,
                                  taken_slot& out) noexcept {
    const std::uint64_t cpu = current_cpu_hint(at.rseq_offset);
    word_bits word;
    std::uint64_t slot;
    std::uint64_t stack;
    std::uint64_t record;
    asm volatile goto(
        POLDER_SEQUENCE_BEGIN
        "movq (%[table], %[cpu], 8), %[stack]\n\t"
        "addq %[stacks], %[stack]\n\t"
        "movl (%[stack]), %%eax\n\t"
        "5:\n\t"
        "testl %%eax, %%eax\n\t"
        "jz 8f\n\t"
        "movq (%[stack], %%rax), %[slot]\n\t"
        "movq 8(%[stack], %%rax), %[word]\n\t"
        "movq %[slot], %[record]\n\t"
        "shlq $4, %[record]\n\t"
        "cmpq %[word], (%[records], %[record])\n\t"
        "je 6f\n\t"
        "subl $16, %%eax\n\t"
        "movl %%eax, (%[stack])\n\t"
        "jmp 5b\n\t"
        "8:\n\t"
        "movq $0, %%fs:8(%[area])\n\t"
        "jmp %l[none]\n\t"
        "6:\n\t"
        "movq %[note], 8(%[records], %[record])\n\t"
        "addq %[retag_by], %[word]\n\t"
        "subq %[cpu], %[word]\n\t"
        "movq %[word], (%[records], %[record])\n\t"
        POLDER_SEQUENCE_END
        : [word] "=&r"(word), [slot] "=&r"(slot), [stack] "=&r"(stack), [record] "=&r"(record)
        : [area] "r"(at.rseq_offset), [cpu] "r"(cpu), [table] "r"(at.cpu_table), [stacks] "r"(stacks),
          [records] "r"(at.records), [note] "r"(note), [retag_by] "r"(retag_by)
        : "memory", "cc", "rax"
        : none, aborted);
    out = {static_cast<slot_number>(slot), word};
    return attempt::done;
none:
    return attempt::none;
aborted:
    return attempt::aborted;
}

/// Puts `slot` on this CPU's stack if its word is still `expected`.
/// none: the stack is full or closed. mismatch: the word says something else; nothing changed.
POLDER_INLINE attempt put_cached(const cache_access& at, std::byte* stacks, slot_number slot, word_bits expected) noexcept {
    const std::uint64_t cpu = current_cpu_hint(at.rseq_offset);
    const word_bits cached = retag(expected, kind_cached) + cpu;
    std::uint64_t stack;
    std::uint64_t other;
    std::uint64_t other_word;
    slot_record* const record = at.records + slot;
    asm volatile goto(
        POLDER_SEQUENCE_BEGIN
#if !defined(POLDER_NO_WORD_CHECK)
        "cmpq %[expected], (%[record])\n\t"
        "jne 9f\n\t"
#endif
        "movq (%[table], %[cpu], 8), %[stack]\n\t"
        "addq %[stacks], %[stack]\n\t"
        "movl (%[stack]), %%eax\n\t"
        "5:\n\t"
        "testl %%eax, %%eax\n\t"
        "jz 6f\n\t"
        "movq (%[stack], %%rax), %[other]\n\t"
        "shlq $4, %[other]\n\t"
        "movq 8(%[stack], %%rax), %[other_word]\n\t"
        "cmpq %[other_word], (%[records], %[other])\n\t"
        "je 6f\n\t"
        "subl $16, %%eax\n\t"
        "jmp 5b\n\t"
        "8:\n\t"
        "movq $0, %%fs:8(%[area])\n\t"
        "jmp %l[full]\n\t"
#if !defined(POLDER_NO_WORD_CHECK)
        "9:\n\t"
        "movq $0, %%fs:8(%[area])\n\t"
        "jmp %l[mismatch]\n\t"
#endif
        "6:\n\t"
        "cmpl 4(%[stack]), %%eax\n\t"
        "jae 8b\n\t"
        "movq %[slot], 16(%[stack], %%rax)\n\t"
        "movq %[cached], 24(%[stack], %%rax)\n\t"
        "addl $16, %%eax\n\t"
        "movl %%eax, (%[stack])\n\t"
        "movq %[cached], (%[record])\n\t"
        POLDER_SEQUENCE_END
        : [stack] "=&r"(stack), [other] "=&r"(other), [other_word] "=&r"(other_word)
        : [area] "r"(at.rseq_offset), [cpu] "r"(cpu), [table] "r"(at.cpu_table), [stacks] "r"(stacks),
          [records] "r"(at.records), [record] "r"(record), [slot] "r"(static_cast<std::uint64_t>(slot)),
          [expected] "r"(expected), [cached] "r"(cached)
        : "memory", "cc", "rax"
        : full, mismatch, aborted);
    return attempt::done;
full:
    return attempt::none;
mismatch:
    return attempt::mismatch;
aborted:
    return attempt::aborted;
}

#undef POLDER_SEQUENCE_BEGIN
#undef POLDER_SEQUENCE_END

#else

POLDER_INLINE std::uint64_t current_cpu_hint(std::ptrdiff_t) noexcept { return 0; }
POLDER_INLINE attempt take_cached(const cache_access&, std::byte*, word_bits, std::uint64_t, taken_slot&) noexcept {
    return attempt::none;
}
POLDER_INLINE attempt put_cached(const cache_access&, std::byte*, slot_number, word_bits) noexcept { return attempt::none; }

#endif

}  // namespace polder::core
