// SPDX-License-Identifier: Apache-2.0
//
// Runs a random program on a pool and on the reference beside it, and says where they differ.
//
//   owners      handles (whole, slices, halves), detached values, raw pointers
//   threads     this one, on whatever CPU it was moved to, and another one that acquires and releases for it
//   contents    each slot has a pattern of its own, a function of the place in the slot; so all handles on a slot agree about it
#pragma once

#include <sched.h>

#include <algorithm>
#include <array>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "model/reference.hpp"
#include "model/steps.hpp"
#include "support/marks.hpp"
#include "support/violations.hpp"

namespace polder::test {

/// A thread that does what it is told, while the teller waits.
class other_thread {
public:
    other_thread() : thread_([this] { serve(); }) {}
    ~other_thread() {
        order_ = nullptr;
        go_.release();
        thread_.join();
    }
    other_thread(const other_thread&) = delete;
    other_thread& operator=(const other_thread&) = delete;

    template <typename Function>
    void run(Function&& function) {
        argument_ = &function;
        order_ = [](void* argument) { (*static_cast<std::remove_reference_t<Function>*>(argument))(); };
        go_.release();
        done_.acquire();
    }

private:
    void serve() {
        for (;;) {
            go_.acquire();
            if (order_ == nullptr) return;
            order_(argument_);
            done_.release();
        }
    }

    std::binary_semaphore go_{0}, done_{0};
    void (*order_)(void*) = nullptr;
    void* argument_ = nullptr;
    std::thread thread_;
};

/// Moves the thread to one of the CPUs it had at first; gives all of them back at its end.
class traveller {
public:
    traveller() {
        CPU_ZERO(&home_);
        if (sched_getaffinity(0, sizeof home_, &home_) != 0) return;
        for (int cpu = 0; cpu != CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(static_cast<std::size_t>(cpu), &home_)) cpus_.push_back(static_cast<std::size_t>(cpu));
    }
    ~traveller() {
        if (!cpus_.empty()) sched_setaffinity(0, sizeof home_, &home_);
    }
    traveller(const traveller&) = delete;
    traveller& operator=(const traveller&) = delete;

    void go(std::size_t to) {
        if (cpus_.size() < 2) return;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpus_[to % cpus_.size()], &one);
        sched_setaffinity(0, sizeof one, &one);
    }

private:
    cpu_set_t home_{};
    std::vector<std::size_t> cpus_;
};

struct model_options {
    const char* name = "";
    buffer_pool_options pool{};
    std::size_t size_max = std::size_t{1} << 20;
    std::size_t held_max = 48;
    int cases = 0;  ///< in the normal scale
};

inline void PrintTo(const model_options& what, std::ostream* out) { *out << what.name; }

/// What is kept from program to program.
struct surroundings {
    other_thread other;
    traveller feet;
    violation_recorder violations;
    std::uint64_t operations = 0, refusals = 0, misuses = 0;
};

class runner {
public:
    runner(const model_options& options, surroundings& around)
        : options_(options),
          around_(around),
          pool_(std::in_place, options.pool),
          arena_(find_arena()),
          truth_(*arena_, cap(), judge_) {
        // The buffer that showed the arena counts as well; the books know only what they were told.
        learn_first();
    }

    /// Empty when the pool did as the reference did, else what differs.
    std::string run(const program& steps) {
        std::size_t number = 0;
        for (const step& s : steps) {
            perform(s);
            ++around_.operations;
            truth_.compare(pool_->stats());
            if (++number % 16 == 0) look_closely();
            if (!judge_.is_good()) return "step " + std::to_string(number) + " " + describe(s) + ": " + judge_.text();
        }
        look_closely();
        finish((steps.size() & 1) != 0);
        return judge_.is_good() ? "" : "at the end: " + judge_.text();
    }

private:
    struct handle {
        buffer bytes;
        std::uint32_t slot = 0;
    };
    struct detached {
        detached_buffer value;
        std::uint32_t slot = 0;
    };
    struct raw {
        std::byte* data = nullptr;
        std::size_t size = 0;
        std::uint32_t slot = 0;
    };

    static std::string describe(const step& s) {
        std::ostringstream text;
        text << s;
        return text.str();
    }

    std::size_t cap() const { return pool_->options().committed_bytes_max; }

    core::arena* find_arena() {
        first_ = pool_->acquire(1);
        return buffer_access::arena_of(first_);
    }
    void learn_first() { adopt(std::move(first_), 1); }

    // --- contents ---------------------------------------------------------------------------------------------------------

    void write(std::span<std::byte> bytes, std::uint32_t number) {
        const reference::slot& in = truth_[number];
        const auto place = static_cast<std::size_t>(bytes.data() - in.begin);
        for_each_sample(bytes, [&](std::span<std::byte> part, std::size_t from) {
            fill(part, in.key, place + from);
            return true;
        });
    }
    void verify(std::span<const std::byte> bytes, std::uint32_t number) {
        const reference::slot& in = truth_[number];
        const auto place = static_cast<std::size_t>(bytes.data() - in.begin);
        const bool is_intact = for_each_sample(bytes, [&](std::span<const std::byte> part, std::size_t from) {
            return first_difference(part, in.key, place + from) == intact;
        });
        judge_.expect(is_intact, "the bytes of a live buffer have changed");
    }
    void verify(const handle& one) { verify(one.bytes.span(), one.slot); }

    void look_closely() {
        if (const char* wrong = arena_->check(); wrong != nullptr) judge_.fail(wrong);
        for (const handle& each : handles_) verify(each);
        for (const raw& each : raws_) verify({each.data, each.size}, each.slot);
        for (const detached& each : detached_) verify({each.value.data, each.value.size}, each.slot);
        judge_.expect_equal(around_.violations.count(), misuses_, "violations");
    }

    // --- operations -------------------------------------------------------------------------------------------------------

    void perform(const step& s) {
        const unsigned op = s.op;
        if (op < 380) return handles_.size() < options_.held_max ? acquire(s.amount) : release(s.target);
        if (op < 610) return release(s.target);
        if (op < 660) return resize(s.target, s.amount);
        if (op < 670) return clear(s.target);
        if (op < 710) return slice(s.target, s.amount);
        if (op < 750) return split_off(s.target, s.amount);
        if (op < 780) return detach(s.target);
        if (op < 820) return attach(s.target);
        if (op < 850) return raws_.size() < 16 ? allocate(s.amount, std::size_t{1} << s.target % 13) : deallocate(s.target);
        if (op < 890) return deallocate(s.target);
        if (op < 910) return move(s.target, s.amount);
        if (op < 920) return trim(s.target % 2 == 0 ? 0 : s.amount);
        if (op < 928) return drain();
        if (op < 930) return pool_->clear();
        if (op < 936) return around_.other.run([&] { release(s.target); });
        if (op < 940) return around_.other.run([&] { acquire(s.amount); });
        if (op < 948) return around_.feet.go(s.target);
        if (op < 980) return acquire_aligned(s.amount, std::size_t{1} << s.target % 23);
        if (op < 990) return ask_the_impossible(s.target, s.amount);
        misuse(s.target);
    }

    void adopt(buffer got, std::size_t size) {
        judge_.expect_equal(got.size(), size, "size");
        judge_.expect(got.capacity() >= size, "capacity below size");
        judge_.expect(got.is_unique(), "a new buffer shares its slot");
        judge_.expect(reinterpret_cast<std::uintptr_t>(got.data()) % 64 == 0, "a buffer that is not aligned to 64");
        judge_.expect(pool_->owns(got.data()), "a buffer that is not the pool's");
        const std::uint32_t slot = truth_.taken(got.data(), size);
        judge_.expect_equal(got.slot(), slot, "number of the slot");
        judge_.expect(got.data() + got.capacity() <= truth_[slot].begin + truth_[slot].bytes, "the capacity runs over the slot");
        write(got.span(), slot);
        handles_.push_back({std::move(got), slot});
    }

    /// The smallest slot that serves; 0 when none may.
    std::size_t slot_bytes_for(std::size_t size, std::size_t alignment) const {
        std::size_t bytes = 0;
        for (const std::size_t tier : pool_->options().tiers)
            if (bytes == 0 && tier >= size && tier % alignment == 0) bytes = tier;
        if (bytes == 0) bytes = pool_->slot_bytes_for(std::max(size, core::slab_bytes));
        return bytes <= cap() ? bytes : 0;
    }

    /// An acquisition was refused: rightly? What trim(0) cannot give back stands in the way, and nothing else.
    void was_refused(std::size_t size, std::size_t alignment, std::error_code why) {
        const std::size_t slot_bytes = slot_bytes_for(size, alignment);
        if (slot_bytes == 0) return judge_.expect(why == errc::invalid_size, "a size that never fits is not invalid_size");
        judge_.expect(why == errc::exhausted, "the refusal is not exhausted");
        truth_.refused();
        ++around_.refusals;
        if (size % 4 != 0 || slot_bytes > core::slab_bytes) return;
        trim(0);
        judge_.expect(pool_->stats().committed_bytes + slot_bytes > cap(), "exhausted, and yet there was room");
    }

    void acquire(std::size_t size) {
        std::error_code error = errc::exhausted;
        buffer got = pool_->try_acquire(size, error);
        if (!got) return was_refused(size, 1, error);
        judge_.expect(!error, "a buffer and an error");
        adopt(std::move(got), size);
    }

    void acquire_aligned(std::size_t size, std::size_t alignment) {
        try {
            buffer got = pool_->acquire(size, alignment);
            judge_.expect(reinterpret_cast<std::uintptr_t>(got.data()) % alignment == 0, "a buffer that is not aligned as asked");
            adopt(std::move(got), size);
        } catch (const error& why) {
            was_refused(size, alignment, why.code());
        }
    }

    handle take_out(std::uint32_t target) {
        std::swap(handles_[target % handles_.size()], handles_.back());
        handle it = std::move(handles_.back());
        handles_.pop_back();
        return it;
    }

    void release(std::uint32_t target) {
        if (handles_.empty()) return;
        handle it = take_out(target);
        verify(it);
        if (target % 2 == 0) it.bytes.reset();  // else its destructor does it
        truth_.given(it.slot);
    }

    void resize(std::uint32_t target, std::size_t size) {
        if (handles_.empty()) return;
        handle& it = handles_[target % handles_.size()];
        verify(it);
        if (target % 4 != 0) size = 1 + size % std::max<std::size_t>(it.bytes.capacity(), 1);  // mostly in place
        if (size <= it.bytes.capacity()) {
            const std::byte* const before = it.bytes.data();
            it.bytes.resize(size);
            judge_.expect(it.bytes.data() == before, "resize within the capacity moved the bytes");
            truth_.resized(it.slot, size);
            return write(it.bytes.span(), it.slot);
        }
        const std::size_t old_size = it.bytes.size();
        const std::size_t place = static_cast<std::size_t>(it.bytes.data() - truth_[it.slot].begin);
        const std::uint64_t key = truth_[it.slot].key;
        try {
            it.bytes.resize(size);
        } catch (const error& why) {
            judge_.expect_equal(it.bytes.size(), old_size, "size after a resize that failed");
            verify(it);
            return was_refused(size, 1, why.code());
        }
        const bool is_copied = for_each_sample(
            std::span<const std::byte>(it.bytes.span().first(old_size)),
            [&](std::span<const std::byte> part, std::size_t from) { return first_difference(part, key, place + from) == intact; });
        judge_.expect(is_copied, "resize did not copy the bytes");
        const std::uint32_t before = it.slot;
        handle moved = take_out(target);
        adopt(std::move(moved.bytes), size);
        truth_.given(before);
    }

    void clear(std::uint32_t target) {
        if (handles_.empty()) return;
        handle& it = handles_[target % handles_.size()];
        verify(it);
        it.bytes.clear();
        judge_.expect(it.bytes.empty() && it.bytes, "clear gave the bytes away");
    }

    void slice(std::uint32_t target, std::size_t amount) {
        if (handles_.empty() || handles_.size() >= 2 * options_.held_max) return;
        handle& it = handles_[target % handles_.size()];
        verify(it);
        const std::size_t size = it.bytes.size();
        const std::size_t offset = amount % (size + 1);
        const std::size_t length = target % (size - offset + 1);
        handle part{it.bytes.slice(offset, length), it.slot};
        truth_.shared(it.slot);
        judge_.expect(
            part.bytes.data() == it.bytes.data() + offset && part.bytes.size() == length && part.bytes.capacity() == length,
            "a slice that is not where it was cut");
        judge_.expect(!it.bytes.is_unique() && !part.bytes.is_unique(), "two handles, and one is unique");
        if (size <= wholly_marked_bytes) verify(part);
        write(part.bytes.span(), part.slot);
        handles_.push_back(std::move(part));
    }

    void split_off(std::uint32_t target, std::size_t amount) {
        if (handles_.empty() || handles_.size() >= 2 * options_.held_max) return;
        handle& it = handles_[target % handles_.size()];
        verify(it);
        const std::size_t size = it.bytes.size();
        const std::size_t capacity = it.bytes.capacity();
        const std::size_t offset = amount % (size + 1);
        handle tail{it.bytes.split_off(offset), it.slot};
        truth_.shared(it.slot);
        judge_.expect(it.bytes.size() == offset && it.bytes.capacity() == offset && tail.bytes.data() == it.bytes.data() + offset &&
                          tail.bytes.size() == size - offset && tail.bytes.capacity() == capacity - offset,
                      "two halves that are not the whole");
        write(it.bytes.span(), it.slot);
        write(tail.bytes.span(), tail.slot);
        handles_.push_back(std::move(tail));
    }

    void detach(std::uint32_t target) {
        if (handles_.empty() || detached_.size() >= 16) return;
        handle& it = handles_[target % handles_.size()];
        verify(it);
        const bool is_unique = truth_[it.slot].handles == 1;
        judge_.expect(it.bytes.is_unique() == is_unique, "is_unique");
        try {
            const detached_buffer value = it.bytes.detach();
            judge_.expect(is_unique, "a handle that shares its slot was detached");
            judge_.expect(!it.bytes && it.bytes.size() == 0 && it.bytes.capacity() == 0, "a detached handle is not empty");
            detached_.push_back({value, it.slot});
            take_out(target);
            // Detached again in the same acquisition it is the same value again, and as good as new.
            for (detached_buffer& old : old_values_)
                if (old.slot == value.slot && old.ticket == value.ticket) old = {};
        } catch (const invalid_size&) {
            judge_.expect(!is_unique, "detach refused a handle of its own slot");
        }
    }

    void attach(std::uint32_t target) {
        if (detached_.empty()) return;
        std::swap(detached_[target % detached_.size()], detached_.back());
        const detached it = detached_.back();
        detached_.pop_back();
        handle back{pool_->attach(it.value), it.slot};
        judge_.expect(back.bytes && back.bytes.data() == it.value.data && back.bytes.size() == it.value.size,
                      "attach lost something");
        if (!back.bytes) return;
        verify(back);
        old_values_[target % old_values_.size()] = it.value;
        handles_.push_back(std::move(back));
    }

    void allocate(std::size_t size, std::size_t alignment) {
        std::error_code error;
        auto* const data = static_cast<std::byte*>(pool_->try_allocate(size, error, alignment));
        if (data == nullptr) return was_refused(size, alignment, error);
        judge_.expect(reinterpret_cast<std::uintptr_t>(data) % std::max<std::size_t>(alignment, 64) == 0,
                      "raw bytes that are not aligned");
        const std::uint32_t slot = truth_.taken(data, size);
        judge_.expect(truth_[slot].begin == data, "raw bytes that do not begin with their slot");
        write({data, size}, slot);
        raws_.push_back({data, size, slot});
    }

    void deallocate(std::uint32_t target) {
        if (raws_.empty()) return;
        std::swap(raws_[target % raws_.size()], raws_.back());
        const raw it = raws_.back();
        raws_.pop_back();
        verify({it.data, it.size}, it.slot);
        if (target % 2 == 0)
            pool_->deallocate(it.data);
        else
            pool_->deallocate(it.data, it.size);
        truth_.given(it.slot);
        if (target % 8 == 0) wrong_release([&] { pool_->deallocate(it.data); });
    }

    void move(std::uint32_t target, std::size_t amount) {
        if (handles_.size() < 2) return;
        handle from = take_out(target);
        handle& to = handles_[amount % handles_.size()];
        verify(to);
        const std::uint32_t ended = to.slot;
        const std::byte* const data = from.bytes.data();
        to.bytes = std::move(from.bytes);
        to.slot = from.slot;
        truth_.given(ended);
        judge_.expect(to.bytes.data() == data && !from.bytes, "a move that does not move");  // NOLINT(bugprone-use-after-move)
        verify(to);
    }

    void trim(std::size_t keep) {
        const pool_stats before = pool_->stats();
        const std::size_t given = pool_->trim(keep);
        const pool_stats after = pool_->stats();
        judge_.expect_equal(given, after.trimmed_bytes - before.trimmed_bytes, "what trim says it gave back");
        judge_.expect_equal(before.committed_bytes - after.committed_bytes, given, "committed bytes that trim took away");
        if (truth_.slots() == 0) judge_.expect(after.committed_bytes <= keep, "idle memory that trim did not find");
    }

    void drain() {
        const std::uint64_t committed = pool_->stats().committed_bytes;
        pool_->drain();
        std::uint64_t cached = 0;
        for (const core::class_census& each : arena_->take_census().classes) cached += each.cached_bytes;
        judge_.expect_equal(cached, 0U, "cached bytes after drain");
        judge_.expect_equal(pool_->stats().committed_bytes, committed, "committed bytes after drain");
    }

    void ask_the_impossible(std::uint32_t target, std::size_t amount) {
        std::error_code error;
        const std::array<std::size_t, 5> sizes{0, ~std::size_t{0}, ~std::size_t{0} - amount, cap() + amount, std::size_t{1} << 63};
        judge_.expect(!pool_->try_acquire(sizes[target % sizes.size()], error) && error == errc::invalid_size,
                      "an impossible size");
        const std::array<std::size_t, 5> alignments{0, 3, 65, std::size_t{8} << 20, ~std::size_t{0}};
        judge_.expect(
            pool_->try_allocate(1, error, alignments[target % alignments.size()]) == nullptr && error == errc::invalid_alignment,
            "an impossible alignment");
        if (handles_.empty()) return;
        handle& it = handles_[target % handles_.size()];
        try {
            const buffer beyond = it.bytes.slice(it.bytes.size(), amount);
            judge_.fail("a slice beyond the size");
        } catch (const invalid_size&) {
        }
        verify(it);
    }

    template <typename Function>
    void wrong_release(Function&& function) {
        ++misuses_;
        ++around_.misuses;
        function();
        judge_.expect_equal(around_.violations.count(), misuses_, "violations");
    }

    void misuse(std::uint32_t target) {
        const detached_buffer& old = old_values_[target % old_values_.size()];
        if (old.data != nullptr) wrong_release([&] { judge_.expect(!pool_->attach(old), "an old value was attached again"); });
        wrong_release([&] { pool_->deallocate(this); });
        if (!raws_.empty()) {
            const raw& it = raws_[target % raws_.size()];
            wrong_release([&] { pool_->deallocate(it.data + 1); });
            wrong_release([&] { pool_->deallocate(it.data, it.size + 1); });
        }
        if (!handles_.empty()) wrong_release([&] { pool_->deallocate(handles_[target % handles_.size()].bytes.data()); });
    }

    // --- the end ----------------------------------------------------------------------------------------------------------

    /// Everything comes home, before the pool ends or after it.
    void finish(bool pool_goes_first) {
        while (!detached_.empty()) attach(0);
        while (!raws_.empty()) deallocate(1);
        if (pool_goes_first) {
            pool_.reset();
            for (const handle& each : handles_) verify(each);
            handles_.clear();
        } else {
            while (!handles_.empty()) release(1);
            truth_.compare(pool_->stats());
            trim(0);
            if (const char* wrong = arena_->check(); wrong != nullptr) judge_.fail(wrong);
            judge_.expect_equal(pool_->stats().committed_bytes, 0U, "committed bytes at the end");
            pool_.reset();
        }
        judge_.expect_equal(around_.violations.count(), misuses_, "violations");
        around_.violations.clear();
    }

    const model_options& options_;
    surroundings& around_;
    verdict judge_;
    std::optional<buffer_pool> pool_;
    buffer first_;
    core::arena* arena_;
    reference truth_;
    std::vector<handle> handles_;
    std::vector<detached> detached_;
    std::vector<raw> raws_;
    std::array<detached_buffer, 8> old_values_{};
    std::size_t misuses_ = 0;
};

}  // namespace polder::test
