// SPDX-License-Identifier: Apache-2.0
//
// Plan: the arena by its own functions: creation and refusal; words through acquisitions and releases; mismatch; locate for every kind of
// address; the invariants (check) after every step of random work, drains and trims; closing with slots out; a fork.
#include "polder/core/arena.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "polder/base/units.hpp"
#include "polder/os/rseq.hpp"
#include "polder/pools/options.hpp"
#include "support/faults.hpp"
#include "support/marks.hpp"
#include "support/random.hpp"
#include "support/scale.hpp"
#include "support/subprocess.hpp"

namespace polder::core {
namespace {

struct closer {
    void operator()(arena* a) const noexcept { a->close(); }
};
using arena_ptr = std::unique_ptr<arena, closer>;

arena_ptr make(std::size_t cap = 64_MiB, std::size_t idle = 64_MiB, bool per_cpu = true) {
    arena_options options;
    options.tiers = default_tiers();
    options.committed_bytes_max = cap;
    options.idle_bytes_max = idle;
    options.cpu_cache_bytes_max = idle / 4;
    options.name = "arena";
    options.per_cpu = per_cpu;
    int error = 0;
    arena_ptr made(arena::create(options, error));
    EXPECT_NE(made, nullptr) << error;
    return made;
}

outcome take(arena& from, std::size_t bytes, acquisition& got) {
    if (bytes > from.classes().largest()) return from.acquire_huge(bytes, bytes, got);
    return from.acquire(from.classes().class_of(bytes), bytes, got);
}

outcome give(arena& to, const acquisition& got) {
    word_bits actual = 0;
    return to.release(got.cls, got.slot, got.word, actual);
}

TEST(Arena, CreationCopiesTheNameAndCommitsNothing) {
    std::string name = "short-lived";
    arena_options options;
    options.tiers = default_tiers();
    options.committed_bytes_max = 64_MiB;
    options.name = name.c_str();
    int error = 0;
    const arena_ptr a(arena::create(options, error));
    ASSERT_NE(a, nullptr);
    name.assign(100, 'x');
    EXPECT_STREQ(a->name(), "short-lived");
    EXPECT_EQ(a->check(), nullptr);
    const census all = a->take_census();
    EXPECT_EQ(all.committed_bytes + all.committed_bytes_peak + all.growths, 0U);
    EXPECT_EQ(all.classes.size(), a->classes().count() + 1);
    EXPECT_EQ(a->is_per_cpu(), os::rseq_available());
}

TEST(Arena, RefusedAddressesAreAnErrno) {
    arena_options options;
    options.tiers = default_tiers();
    options.committed_bytes_max = 64_MiB;
    for (const char* verb : {"reserve", "commit"}) {
        const test::fault_injection faults({.at = 1, .for_ever = true, .error = ENOMEM, .verb = verb});
        int error = 0;
        EXPECT_EQ(arena::create(options, error), nullptr);
        EXPECT_EQ(error, ENOMEM) << verb;
    }
    // Refused once, it asks for less.
    const test::fault_injection faults({.at = 1, .verb = "reserve"});
    int error = 0;
    const arena_ptr a(arena::create(options, error));
    EXPECT_NE(a, nullptr);
    EXPECT_EQ(faults.injected(), 1U);
}

TEST(Arena, TheWordTellsTheStory) {
    const arena_ptr a = make();
    for (const std::size_t bytes :
         {std::size_t{1}, std::size_t{2048}, std::size_t{1_MiB}, std::size_t{6_MiB}, std::size_t{70_MiB - 10_MiB}}) {
        acquisition got;
        ASSERT_EQ(take(*a, bytes, got), outcome::done);
        EXPECT_EQ(tag_of(got.word), tag_held);
        EXPECT_GE(generation_of(got.word), 1U);
        EXPECT_EQ(a->word(got.slot), got.word);
        EXPECT_EQ(a->note(got.slot) & note_bytes_mask, bytes);
        EXPECT_EQ(a->address(got.slot, got.slot_bytes), got.data);
        EXPECT_GE(got.slot_bytes, bytes);
        a->set_requested(got.slot, 1);
        EXPECT_EQ(a->note(got.slot) & note_bytes_mask, 1U);
        EXPECT_EQ(a->shares(got.slot).load(), 0U);

        word_bits actual = 0;
        for (const word_bits wrong :
             {got.word + generation_one, got.word - generation_one, retag(got.word, tag_orphaned), word_bits{0}}) {
            EXPECT_EQ(a->release(got.cls, got.slot, wrong, actual), outcome::mismatch);
            EXPECT_EQ(actual, got.word);
            EXPECT_EQ(a->word(got.slot), got.word) << "nothing changed";
        }
        ASSERT_EQ(give(*a, got), outcome::done);
        EXPECT_FALSE(is_held(a->word(got.slot)));
        EXPECT_EQ(generation_of(a->word(got.slot)), generation_of(got.word)) << "only an acquisition counts";
        EXPECT_EQ(a->release(got.cls, got.slot, got.word, actual), outcome::mismatch);
        EXPECT_EQ(generation_of(actual), generation_of(got.word));
        EXPECT_EQ(a->check(), nullptr);
    }
}

TEST(Arena, GenerationsSurviveANewCarving) {
    const arena_ptr a = make(4_MiB, 4_MiB);
    std::uint64_t highest = 0;
    for (int round = 0; round != 6; ++round) {
        acquisition got;
        ASSERT_EQ(take(*a, round % 2 == 0 ? 4_MiB : 2_MiB, got), outcome::done);
        EXPECT_EQ(place_of(got.slot), 0U);
        EXPECT_GT(generation_of(got.word), highest) << "never back, whatever the slab is carved for";
        highest = generation_of(got.word);
        ASSERT_EQ(give(*a, got), outcome::done);
        EXPECT_EQ(a->check(), nullptr);
    }
    std::uint64_t acquisitions = 0;
    for (const class_census& c : a->take_census().classes) acquisitions += c.acquisitions;
    EXPECT_EQ(acquisitions, 6U);
}

TEST(Arena, LocateJudgesEveryAddress) {
    using kind = location::kind;
    const arena_ptr a = make(256_MiB);
    EXPECT_EQ(a->locate(nullptr).what, kind::foreign);
    int on_stack = 0;
    EXPECT_EQ(a->locate(&on_stack).what, kind::foreign);
    EXPECT_EQ(a->locate(reinterpret_cast<void*>(~std::uintptr_t{0})).what, kind::foreign);
    for (const std::size_t bytes : {std::size_t{64}, std::size_t{80 * 64}, std::size_t{100'000}, std::size_t{4_MiB},
                                    std::size_t{12_MiB}, std::size_t{70_MiB}}) {
        SCOPED_TRACE(bytes);
        acquisition got;
        ASSERT_EQ(take(*a, bytes, got), outcome::done);
        const location at = a->locate(got.data);
        EXPECT_EQ(at.what, kind::slot);
        EXPECT_EQ(at.slot, got.slot);
        EXPECT_EQ(at.cls, got.cls);
        EXPECT_EQ(at.slot_bytes, got.slot_bytes);
        EXPECT_EQ(at.slot_data, got.data);
        EXPECT_EQ(at.word, got.word);
        for (const std::size_t offset : {std::size_t{1}, got.slot_bytes / 2, got.slot_bytes - 1}) {
            const location inside = a->locate(got.data + offset);
            EXPECT_EQ(inside.what, kind::interior);
            EXPECT_EQ(inside.slot, got.slot);
            EXPECT_EQ(inside.slot_data, got.data);
        }
        // The place behind the last slot of a slab belongs to nobody.
        const std::size_t slots = got.slot_bytes < slab_bytes ? slab_bytes / got.slot_bytes : 0;
        if (slots * got.slot_bytes != 0 && slots * got.slot_bytes < slab_bytes) {
            const std::byte* const slab = got.data - place_of(got.slot) * got.slot_bytes;
            EXPECT_EQ(a->locate(slab + slots * got.slot_bytes).what, kind::unassigned);
            EXPECT_EQ(a->locate(slab + slab_bytes - 1).what, kind::unassigned);
            EXPECT_EQ(a->locate(slab + slots * got.slot_bytes - 1).what, kind::interior);
        }
        ASSERT_EQ(give(*a, got), outcome::done);
        a->drain();
        a->trim(0);
        EXPECT_EQ(a->locate(got.data).what, kind::unassigned);
        EXPECT_TRUE(a->owns(got.data));
    }
}

/// Random work on one arena, the model beside it.
class worker {
public:
    explicit worker(arena& on) : on_(on) {}

    /// One step; what failed is returned.
    outcome step() {
        switch (random_.below(20)) {
            case 0:
                on_.drain();
                return outcome::done;
            case 1:
                on_.trim(random_.below(64_MiB));
                return outcome::done;
            case 2:
            case 3:
            case 4:
            case 5:
            case 6:
            case 7:
            case 8:
            case 9:
                if (!live_.empty()) {
                    const std::size_t k = random_.below(live_.size());
                    EXPECT_TRUE(test::is_marked({live_[k].got.data, live_[k].bytes}, live_[k].got.word));
                    EXPECT_EQ(give(on_, live_[k].got), outcome::done);
                    std::swap(live_[k], live_.back());
                    live_.pop_back();
                }
                return outcome::done;
            default: {
                const std::size_t bytes = random_.one_in(200) ? random_.between(64_MiB, 80_MiB) : random_.log_uniform(1, 6_MiB);
                acquisition got;
                const outcome result = take(on_, bytes, got);
                if (result == outcome::done) {
                    test::mark({got.data, bytes}, got.word);
                    live_.push_back({got, bytes});
                    ++acquisitions_;
                }
                return result;
            }
        }
    }
    void release_all() {
        for (const slot_out& s : live_) EXPECT_EQ(give(on_, s.got), outcome::done);
        live_.clear();
    }
    void expect_counts() {
        const census all = on_.take_census();
        std::uint64_t held = 0, requested = 0, acquisitions = 0, wanted = 0;
        for (const class_census& c : all.classes) held += c.held, requested += c.requested_bytes, acquisitions += c.acquisitions;
        for (const slot_out& s : live_) wanted += s.bytes;
        EXPECT_EQ(held, live_.size());
        EXPECT_EQ(requested, wanted);
        EXPECT_EQ(acquisitions, acquisitions_);
    }
    std::size_t out() const { return live_.size(); }

private:
    struct slot_out {
        acquisition got;
        std::size_t bytes;
    };
    arena& on_;
    test::random random_;
    std::vector<slot_out> live_;
    std::uint64_t acquisitions_ = 0;
};

TEST(Arena, InvariantsHoldAfterEveryStep) {
    for (const bool per_cpu : {true, false}) {
        const arena_ptr a = make(64_MiB, 16_MiB, per_cpu);
        worker work(*a);
        for (std::size_t i = 0; i != test::scaled(4000); ++i) {
            const outcome result = work.step();
            ASSERT_TRUE(result == outcome::done || result == outcome::exhausted);
            const char* const breach = a->check();
            ASSERT_EQ(breach, nullptr) << breach << " at step " << i;
            if (i % 50 == 0) {
                ASSERT_NO_FATAL_FAILURE(work.expect_counts());
            }
        }
        work.release_all();
        a->drain();
        a->trim(0);
        EXPECT_EQ(a->take_census().committed_bytes, 0U);
        EXPECT_EQ(a->check(), nullptr);
    }
}

TEST(Arena, InvariantsHoldAfterThreads) {
    const arena_ptr a = make(128_MiB, 16_MiB);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t != 4; ++t)
        threads.emplace_back([&] {
            worker work(*a);
            for (std::size_t i = 0; i != test::scaled(3000); ++i) work.step();
            work.release_all();
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(a->check(), nullptr) << a->check();
    a->drain();
    EXPECT_EQ(a->check(), nullptr) << a->check();
    a->trim(0);
    EXPECT_EQ(a->check(), nullptr) << a->check();
    EXPECT_EQ(a->take_census().committed_bytes, 0U);
}

TEST(Arena, AClosedArenaLivesUntilTheLastSlotComesHome) {
    arena_ptr a = make();
    arena* const still = a.get();
    std::vector<acquisition> out(50);
    for (std::size_t i = 0; i != out.size(); ++i) ASSERT_EQ(take(*still, 1 + i * 20'000, out[i]), outcome::done);
    a.reset();
    acquisition none;
    EXPECT_EQ(take(*still, 10, none), outcome::exhausted) << "closed";
    for (const acquisition& got : out) {
        EXPECT_EQ(tag_of(still->word(got.slot)), tag_orphaned);
        test::mark({got.data, got.slot_bytes}, got.word);
    }
    word_bits actual = 0;
    EXPECT_EQ(still->release(out[0].cls, out[0].slot, out[0].word + generation_one, actual), outcome::mismatch);
    for (const acquisition& got : out) EXPECT_EQ(still->release(got.cls, got.slot, got.word, actual), outcome::done);
}

TEST(Arena, AChildOfAForkWorksOn) {
    if (test::thread_sanitized()) GTEST_SKIP() << "fork with threads";
    const arena_ptr a = make(128_MiB, 16_MiB);
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t != 2; ++t)
        threads.emplace_back([&] {
            worker work(*a);
            while (!stop) work.step();
            work.release_all();
        });
    for (std::size_t i = 0; i != test::scaled<std::size_t>(2, 20, 200); ++i) {
        const auto child = test::in_child([&] {
            alarm(60);  // a child that hangs is a failure, not a hang of the test
            worker work(*a);
            for (int k = 0; k != 500; ++k) work.step();
            work.release_all();
            a->drain();
            a->trim(0);
            return ::testing::Test::HasFailure() ? 1 : 0;
        });
        ASSERT_TRUE(child.exited_with(0)) << "status " << child.status << " " << child.text;
    }
    stop = true;
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(a->check(), nullptr) << a->check();
}

}  // namespace
}  // namespace polder::core
