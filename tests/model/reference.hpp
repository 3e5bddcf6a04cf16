// SPDX-License-Identifier: Apache-2.0
//
// The plain reference that the model tests hold a pool against: a map of the slots that are out, and books kept by adding and subtracting.
// It learns from the pool only which slot an acquisition got; everything else it knows from the calls that were made.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "polder/polder.hpp"
#include "support/books.hpp"

namespace polder {

/// The friend of buffer: invariants are asked of the arena itself.
struct buffer_access {
    static core::arena* arena_of(const buffer& from) noexcept { return from.arena_; }
};

}  // namespace polder

namespace polder::test {

/// The first thing that went wrong.
class verdict {
public:
    void expect(bool is_right, const char* what) {
        if (!is_right && text_.empty()) text_ = what;
    }
    template <typename A, typename B>
    void expect_equal(const A& seen, const B& wanted, const char* what) {
        if (!(seen == wanted) && text_.empty())
            text_ = std::string(what) + ": " + std::to_string(seen) + " instead of " + std::to_string(wanted);
    }
    void fail(std::string what) {
        if (text_.empty()) text_ = std::move(what);
    }
    bool is_good() const noexcept { return text_.empty(); }
    const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

class reference {
public:
    struct slot {
        std::byte* begin = nullptr;
        std::size_t bytes = 0;
        std::size_t requested = 0;
        std::uint64_t key = 0;  ///< of the pattern that its bytes hold, wherever they were written
        unsigned handles = 0;
        core::class_number cls = 0;
    };

    reference(core::arena& arena, std::size_t cap, verdict& judge) : arena_(arena), cap_(cap), judge_(judge) {}

    /// The pool has handed `size` bytes at `data` out. Returns the number of their slot.
    std::uint32_t taken(const std::byte* data, std::size_t size) {
        const core::location at = arena_.locate(data);
        judge_.expect(at.what == core::location::kind::slot || at.what == core::location::kind::interior,
                      "a buffer that is in no slot");
        const auto room = static_cast<std::size_t>(at.slot_data + at.slot_bytes - data);
        judge_.expect(size <= room, "a buffer that runs over its slot");
        judge_.expect(core::is_held(at.word), "the word of a buffer that is out does not say HELD");
        judge_.expect_equal(core::generation_of(at.word), ++generations_[at.slot], "I3: the generation of a slot");

        const auto after = by_address_.lower_bound(at.slot_data);
        if (after != by_address_.end()) judge_.expect(at.slot_data + at.slot_bytes <= after->first, "two live slots overlap");
        if (after != by_address_.begin()) {
            const auto before = std::prev(after);
            judge_.expect(before->first + slots_.at(before->second).bytes <= at.slot_data, "two live slots overlap");
        }
        by_address_.emplace_hint(after, at.slot_data, at.slot);
        slots_[at.slot] = {at.slot_data, at.slot_bytes, size, ++keys_, 1, at.cls};
        book& of = books_[at.cls];
        ++of.acquisitions;
        ++of.held;
        of.held_bytes += at.slot_bytes;
        of.requested += size;
        return at.slot;
    }

    void shared(std::uint32_t number) { ++slots_.at(number).handles; }

    /// One handle on the slot is gone.
    void given(std::uint32_t number) {
        slot& it = slots_.at(number);
        if (--it.handles != 0) return;
        book& of = books_[it.cls];
        --of.held;
        of.held_bytes -= it.bytes;
        of.requested -= it.requested;
        by_address_.erase(it.begin);
        slots_.erase(number);
    }

    void resized(std::uint32_t number, std::size_t size) {
        slot& it = slots_.at(number);
        if (it.handles != 1) return;  // what several handles use of a slot stays what was asked for at first
        books_[it.cls].requested += size - it.requested;
        it.requested = size;
    }

    void refused() { ++refusals_; }

    const slot& operator[](std::uint32_t number) const { return slots_.at(number); }
    std::size_t slots() const noexcept { return slots_.size(); }

    /// Compares everything that can be counted. `arena_` may be gone: this asks the pool.
    void compare(const pool_stats& s) {
        if (std::string wrong = wrong_in_books(s, cap_); !wrong.empty()) judge_.fail(std::move(wrong));
        std::uint64_t acquisitions = 0;
        for (std::size_t i = 0; i != s.tiers.size(); ++i) {
            const tier_stats& tier = s.tiers[i];
            const book& of = books_[i + 1 == s.tiers.size() ? std::size_t{core::size_class_table::huge} : i];
            acquisitions += of.acquisitions;
            judge_.expect_equal(tier.buffers_in_use, of.held, "buffers in use of a tier");
            judge_.expect_equal(tier.in_use_bytes, of.held_bytes, "bytes in use of a tier");
            judge_.expect_equal(tier.requested_bytes, of.requested, "requested bytes of a tier");
            judge_.expect_equal(tier.acquisitions, of.acquisitions, "acquisitions of a tier");
        }
        judge_.expect_equal(s.acquisitions, acquisitions, "acquisitions");
        judge_.expect_equal(s.buffers_in_use, slots_.size(), "buffers in use");
        judge_.expect_equal(s.exhausted, refusals_, "acquisitions refused by a limit");

        // Between two looks the committed bytes were never higher than what is there now and what was given back meanwhile.
        const std::uint64_t given_back = s.trimmed_bytes - trimmed_bytes_;
        judge_.expect(s.committed_bytes_peak >= peak_, "the peak of committed bytes went down");
        judge_.expect(s.committed_bytes_peak <= std::max(peak_, s.committed_bytes + given_back), "the peak was never reached");
        in_use_peak_ = std::max(in_use_peak_, s.in_use_bytes);
        judge_.expect(s.in_use_bytes_peak >= in_use_peak_, "the peak of bytes in use is below what was in use");
        peak_ = s.committed_bytes_peak;
        trimmed_bytes_ = s.trimmed_bytes;
    }

private:
    struct book {
        std::uint64_t acquisitions = 0, held = 0, held_bytes = 0, requested = 0;
    };

    core::arena& arena_;
    std::size_t cap_;
    verdict& judge_;
    std::unordered_map<std::uint32_t, slot> slots_;
    std::unordered_map<std::uint32_t, std::uint64_t> generations_;
    std::map<const std::byte*, std::uint32_t> by_address_;
    std::array<book, 256> books_{};
    std::uint64_t keys_ = 0, refusals_ = 0, peak_ = 0, in_use_peak_ = 0, trimmed_bytes_ = 0;
};

}  // namespace polder::test
