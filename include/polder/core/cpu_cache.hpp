// SPDX-License-Identifier: Apache-2.0
//
// The two restartable sequences: take the top entry of this CPU's stack, put an entry on it.
//
// Both commit with ONE store, the slot's word, and that store is their last instruction. Preempted, migrated, signalled or
// killed anywhere before it, nothing has happened: what was written until then (an entry above the live ones, a lowered or
// raised top, a note) is a hint, and a hint is compared with the word before it is believed.
//
//   take   look at the top entry; drop it if its slot is not CACHED here any more; else store word = new owner. The entry stays, dead.
//   put    compare the word with the handle (a mismatch is misuse); is the top entry the very one that the acquisition left behind?
//          then it need not be written again; else drop dead entries, write the entry, raise the top. Store word = CACHED(cpu).
//
// An entry is live when its slot's word says CACHED(this cpu) and its slab's word says this class. Both are stable while we look: a
// CACHED word is changed by its own CPU alone, and a slab with a CACHED word cannot be retired (invariant I4). The second test is needed
// because a dead entry may outlive the carving of its slab, and find the slot CACHED here again by another class.
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
#include "polder/core/slab.hpp"
#include "polder/core/slot_word.hpp"
#include "polder/core/types.hpp"

namespace polder::core {

/// Where the sequences find things; filled once per arena. One cache line.
struct cache_access {
    const std::uint64_t* cpu_table = nullptr;  ///< offset of each CPU's set from a class's first stack; 0 = the closed set
    slot_record* records = nullptr;
    const slab_record* slabs = nullptr;
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
    ".pushsection __rseq_cs, \"aw?\"\n\t"                                    \
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
    ".pushsection __rseq_failure, \"ax?\"\n\t"                               \
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

/// Takes the top slot of class `c`, whose stack in set 0 is at `stacks`, on this CPU.
/// `retag_by` is added to a word that says CACHED(0): generation_one + tag_held − kind_cached for a user's acquisition.
/// none: the stack is empty. aborted: try again, a bounded number of times.
POLDER_INLINE attempt take_cached(const cache_access& at, std::byte* stacks, class_number c, word_bits retag_by, std::uint64_t note,
                                  taken_slot& out) noexcept {
    const std::uint64_t cpu = current_cpu_hint(at.rseq_offset);
    const std::uint64_t tag = kind_cached + cpu;
    const word_bits change = retag_by - cpu;
    word_bits word;
    std::uint64_t slot;
    std::uint64_t stack;
    std::uint64_t record;
    asm volatile goto(
        POLDER_SEQUENCE_BEGIN
        "movq %[table], %[stack]\n\t"
        "movq (%[stack], %[cpu], 8), %[stack]\n\t"
        "addq %[stacks], %[stack]\n\t"
        "movl (%[stack]), %%eax\n\t"
        "5:\n\t"
        "testl %%eax, %%eax\n\t"
        "jz 8f\n\t"
        "movl 12(%[stack], %%rax), %k[slot]\n\t"  // the top entry
        "movq %[slot], %[record]\n\t"
        "shlq $4, %[record]\n\t"
        "movq (%[records], %[record]), %[word]\n\t"
        "cmpw %w[tag], %w[word]\n\t"
        "jne 7f\n\t"
        "movl %k[slot], %%eax\n\t"
        "shrl $16, %%eax\n\t"
        "shll $6, %%eax\n\t"
        "cmpl %k[assigned], (%[slabs], %%rax)\n\t"
        "jne 9f\n\t"
        "movq %[note], 8(%[records], %[record])\n\t"
        "addq %[change], %[word]\n\t"
        "movq %[word], (%[records], %[record])\n\t"
        "jmp 2f\n\t"  // just committed; 2: is the next thing that runs
        "9:\n\t"
        "movl (%[stack]), %%eax\n\t"
        "7:\n\t"
        "subl $4, %%eax\n\t"
        "movl %%eax, (%[stack])\n\t"
        "jmp 5b\n\t"
        "8:\n\t"
        "movq $0, %%fs:8(%[area])\n\t"
        "jmp %l[none]\n\t"
        POLDER_SEQUENCE_END
        : [word] "=&r"(word), [slot] "=&r"(slot), [stack] "=&r"(stack), [record] "=&r"(record)
        : [area] "r"(at.rseq_offset), [cpu] "r"(cpu), [table] "m"(at.cpu_table), [stacks] "m"(stacks), [records] "r"(at.records),
          [slabs] "r"(at.slabs), [note] "r"(note), [tag] "r"(tag), [change] "r"(change), [assigned] "r"(assigned_word_low(c))
        : "memory", "cc", "rax"
        : none, aborted);
    out = {static_cast<slot_number>(slot), word};
    return attempt::done;
none:
    return attempt::none;
aborted:
    return attempt::aborted;
}

/// Puts `slot` on this CPU's stack of its class if its word is still `expected`, whose tag is `expected_tag`.
/// none: the stack is full or closed. mismatch: the word says something else; nothing changed.
POLDER_INLINE attempt put_cached(const cache_access& at, std::byte* stacks, slot_number slot, word_bits expected,
                                 word_bits expected_tag = tag_held) noexcept {
    const std::uint64_t cpu = current_cpu_hint(at.rseq_offset);
    const std::uint64_t tag = kind_cached + cpu;
    const word_bits cached = expected + (tag - expected_tag);
    std::uint64_t stack;
    std::uint64_t other;
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
        "movl 12(%[stack], %%rax), %k[other]\n\t"
        "cmpl %k[other], %k[slot]\n\t"
        "je 7f\n\t"
        "shlq $4, %[other]\n\t"
        "cmpw %w[tag], (%[records], %[other])\n\t"
        "je 6f\n\t"
        "subl $4, %%eax\n\t"
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
        "movl %k[slot], 16(%[stack], %%rax)\n\t"
        "addl $4, %%eax\n\t"
        "movl %%eax, (%[stack])\n\t"
        "7:\n\t"
        "movq %[cached], (%[record])\n\t"
        POLDER_SEQUENCE_END
        : [stack] "=&r"(stack), [other] "=&r"(other)
        : [area] "r"(at.rseq_offset), [cpu] "r"(cpu), [table] "r"(at.cpu_table), [stacks] "r"(stacks), [records] "r"(at.records),
          [record] "r"(record), [slot] "r"(static_cast<std::uint64_t>(slot)), [expected] "r"(expected), [cached] "r"(cached), [tag] "r"(tag)
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
POLDER_INLINE attempt take_cached(const cache_access&, std::byte*, class_number, word_bits, std::uint64_t, taken_slot&) noexcept {
    return attempt::none;
}
POLDER_INLINE attempt put_cached(const cache_access&, std::byte*, slot_number, word_bits, word_bits = tag_held) noexcept {
    return attempt::none;
}

#endif

}  // namespace polder::core
