// SPDX-License-Identifier: Apache-2.0
//
// The two restartable sequences: take the top entry of this CPU's stack, put an entry on it.
//
// Both commit with ONE store, the slot's word, and that store is their last instruction. Preempted, migrated, signalled or
// killed anywhere before it, nothing has happened: what was written until then (an entry above the live ones, a lowered or
// raised top, a note) is a hint, and a hint is compared with the word before it is believed.
//
//   take   pass over entries that are dead; store the requested bytes, and word = new owner. The entry stays on top, dead.
//   put    compare the word with the handle (a mismatch is misuse); is the top entry the very one that the acquisition left behind?
//          then it need not be written again; else drop dead entries, write the entry, raise the top. Store word = CACHED(cpu).
//
// An entry is live when its slot's word says CACHED(this cpu) and its slot's note says this class. Both are stable while we look: a
// CACHED word and its note are changed by its own CPU alone. The second test is needed because a dead entry may outlive the carving of
// its slab, and find the slot CACHED here again by another class.
//
// Each function is ONE attempt and never loops: the caller bounds the retries, because a debugger that steps, a thread that the
// C library did not register, or a storm of signals would otherwise spin for ever.
//
// "?" puts the announcement and the abort handler into the section group of the code around them, so that the linker keeps or drops
// them together with an inline function.
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
#include "polder/core/size_class.hpp"
#include "polder/core/slot_word.hpp"
#include "polder/core/types.hpp"

namespace polder::core {

/// Where the sequences find things; filled once per arena.
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

// Announces [1:, 2:) with the abort handler 4:, and reads the CPU we are on; whoever is moved to another one from then on is restarted. The
// number of a thread that the C library did not register is negative: not for us.
#define POLDER_SEQUENCE_BEGIN                        \
    ".pushsection __rseq_cs, \"aw?\"\n\t"            \
    ".balign 32\n\t"                                 \
    "3:\n\t"                                         \
    ".long 0, 0\n\t"                                 \
    ".quad 1f, (2f - 1f), 4f\n\t"                    \
    ".popsection\n\t"                                \
    "leaq 3b(%%rip), %[top]\n\t"                     \
    "movq %[top], %%fs:8(%[area])\n\t" /* rseq_cs */ \
    "1:\n\t"                                         \
    "movl %%fs:4(%[area]), %k[cpu]\n\t" /* cpu_id */ \
    "testl %k[cpu], %k[cpu]\n\t"
// Ends the range, clears the pointer, and places the abort handler behind the signature that the kernel looks for.
#define POLDER_SEQUENCE_END                                               \
    "2:\n\t"                                                              \
    "movq $0, %%fs:8(%[area])\n\t"                                        \
    ".pushsection __rseq_failure, \"ax?\"\n\t"                            \
    ".byte 0x0f, 0xb9, 0x3d\n\t" /* ud1, so that the signature decodes */ \
    ".long 0x53053053\n\t"                                                \
    "4:\n\t"                                                              \
    "movq $0, %%fs:8(%[area])\n\t"                                        \
    "jmp %l[aborted]\n\t"                                                 \
    ".popsection\n\t"
// A way out of the range before the commit.
#define POLDER_SEQUENCE_EXIT(at, label) \
    at ":\n\t"                          \
       "movq $0, %%fs:8(%[area])\n\t"   \
       "jmp %l[" label "]\n\t"

POLDER_INLINE std::uint64_t current_cpu_hint(std::ptrdiff_t rseq_offset) noexcept {
    std::uint64_t cpu;
    asm volatile("movl %%fs:(%[area]), %k[cpu]" : [cpu] "=r"(cpu) : [area] "r"(rseq_offset));  // cpu_id_start
    return cpu;
}

/// Takes the top slot of class `c`, whose stack in set 0 is at `stacks`, on this CPU. Its word keeps its generation and gets
/// `new_tag`: generation_one + tag_held for a user's acquisition, another tag alone for an owner of ours. Its note keeps the class and gets
/// the requested bytes.
/// none: the stack is empty. aborted: try again, a bounded number of times.
POLDER_INLINE attempt take_cached(const cache_access& at, std::byte* const& stacks, class_number c, std::int32_t new_tag,
                                  std::uint32_t requested, taken_slot& out) noexcept {
    std::uint64_t cpu;
    word_bits word;
    std::uint64_t slot;
    std::uint64_t stack;
    std::uint64_t record;
    std::uint64_t top;
    // clang-format off
    asm volatile goto(
        POLDER_SEQUENCE_BEGIN
        "jns 6f\n\t"
        "jmp 4f\n\t"
        "5:\n\t"  // the top entry is dead; this stands before its use because nothing may stand between commit and end
        "subl $4, %k[top]\n\t"
        "movl %k[top], (%[stack])\n\t"
        "jnz 7f\n\t"
        POLDER_SEQUENCE_EXIT("8", "none")
        "6:\n\t"
        "movq %[table], %[stack]\n\t"
        "movq (%[stack], %[cpu], 8), %[stack]\n\t"
        "addq %[stacks], %[stack]\n\t"
        "addl %[kind_cached], %k[cpu]\n\t"  // the tag of a slot that is cached here
        "movl (%[stack]), %k[top]\n\t"
        "testl %k[top], %k[top]\n\t"
        "jz 8b\n\t"
        "7:\n\t"
        "movl 12(%[stack], %[top]), %k[slot]\n\t"
        "movq %[slot], %[record]\n\t"
        "shlq $4, %[record]\n\t"
        "addq %[records], %[record]\n\t"
        "movq (%[record]), %[word]\n\t"
        "cmpw %w[cpu], %w[word]\n\t"
        "jne 5b\n\t"
        "cmpb %b[c], 14(%[record])\n\t"  // note_class_shift
        "jne 5b\n\t"
        "movl %[requested], 8(%[record])\n\t"
        "subq %[cpu], %[word]\n\t"
        "addq %[new_tag], %[word]\n\t"
        "movq %[word], (%[record])\n\t"
        POLDER_SEQUENCE_END
        : [cpu] "=&r"(cpu), [word] "=&r"(word), [slot] "=&r"(slot), [stack] "=&r"(stack), [record] "=&r"(record), [top] "=&r"(top)
        : [area] "r"(at.rseq_offset), [table] "m"(at.cpu_table), [stacks] "m"(stacks), [records] "r"(at.records),
          [requested] "ri"(requested), [c] "qi"(c), [new_tag] "i"(new_tag), [kind_cached] "i"(kind_cached)
        : "memory", "cc"
        : none, aborted);
    // clang-format on
    out = {static_cast<slot_number>(slot), word};
    return attempt::done;
none:
    return attempt::none;
aborted:
    return attempt::aborted;
}

/// Puts `slot` on this CPU's stack of its class if its word is still `expected`, whose tag is `expected_tag`. Its note names the class.
/// none: the stack is full or closed. mismatch: the word says something else; nothing changed.
POLDER_INLINE attempt put_cached(const cache_access& at, std::byte* const& stacks, slot_number slot, word_bits expected,
                                 std::int32_t expected_tag = tag_held) noexcept {
    std::uint64_t cpu;
    std::uint64_t stack;
    std::uint64_t other;
    std::uint64_t top;
    slot_record* const record = at.records + slot;
    // clang-format off
    asm volatile goto(
        POLDER_SEQUENCE_BEGIN
        "js 4f\n\t"
#if !defined(POLDER_NO_WORD_CHECK)
        "cmpq %[expected], (%[record])\n\t"
        "jne 9f\n\t"
#endif
        "movq %[table], %[stack]\n\t"
        "movq (%[stack], %[cpu], 8), %[stack]\n\t"
        "addq %[stacks], %[stack]\n\t"
        "movl (%[stack]), %k[top]\n\t"
        "testl %k[top], %k[top]\n\t"
        "jz 6f\n\t"
        "movl 12(%[stack], %[top]), %k[other]\n\t"
        "cmpl %k[other], %k[slot]\n\t"
        "je 7f\n\t"
        "5:\n\t"
        "shlq $4, %[other]\n\t"
        "addq %[records], %[other]\n\t"
        "movzwl (%[other]), %k[other]\n\t"
        "subl %[kind_cached], %k[other]\n\t"
        "cmpl %k[cpu], %k[other]\n\t"
        "je 6f\n\t"
        "subl $4, %k[top]\n\t"  // dead: drop it
        "jz 6f\n\t"
        "movl 12(%[stack], %[top]), %k[other]\n\t"
        "jmp 5b\n\t"
        POLDER_SEQUENCE_EXIT("8", "full")
#if !defined(POLDER_NO_WORD_CHECK)
        POLDER_SEQUENCE_EXIT("9", "mismatch")
#endif
        "6:\n\t"
        "cmpl 4(%[stack]), %k[top]\n\t"
        "jae 8b\n\t"
        "movl %k[slot], 16(%[stack], %[top])\n\t"
        "addl $4, %k[top]\n\t"
        "movl %k[top], (%[stack])\n\t"
        "7:\n\t"
        "leaq %c[to_cached](%[expected], %[cpu]), %[other]\n\t"
        "movq %[other], (%[record])\n\t"
        POLDER_SEQUENCE_END
        : [cpu] "=&r"(cpu), [stack] "=&r"(stack), [other] "=&r"(other), [top] "=&r"(top)
        : [area] "r"(at.rseq_offset), [table] "m"(at.cpu_table), [stacks] "m"(stacks), [records] "r"(at.records),
          [record] "r"(record), [slot] "r"(slot), [expected] "r"(expected), [kind_cached] "i"(kind_cached),
          [to_cached] "i"(static_cast<std::int32_t>(kind_cached) - expected_tag)
        : "memory", "cc"
        : full, mismatch, aborted);
    // clang-format on
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
#undef POLDER_SEQUENCE_EXIT

#else

POLDER_INLINE std::uint64_t current_cpu_hint(std::ptrdiff_t) noexcept { return 0; }
POLDER_INLINE attempt take_cached(const cache_access&, std::byte*, class_number, std::int32_t, std::uint32_t,
                                  taken_slot&) noexcept {
    return attempt::none;
}
POLDER_INLINE attempt put_cached(const cache_access&, std::byte*, slot_number, word_bits, std::int32_t = tag_held) noexcept {
    return attempt::none;
}

#endif

}  // namespace polder::core
