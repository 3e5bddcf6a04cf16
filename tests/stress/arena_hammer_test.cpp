// SPDX-License-Identifier: Apache-2.0
//
// Test plan: the same hammering one rank below, where the invariants themselves can be asked.
//
//   work     acquire by class (also huge runs), release by handle, stale releases on purpose, locate, trim and drain meanwhile
//   proof    generation of a slot goes up by exactly one per acquisition (I3), also while its slab is carved again
//            a stale release is refused with certainty and changes nothing; locate names a held slot, and what is inside it
//            at each pause of all threads: arena::check() finds nothing, the census equals our books
#include <atomic>
#include <barrier>
#include <memory>
#include <optional>
#include <thread>

#include "polder/core/arena.hpp"
#include "stress/harness.hpp"

namespace polder::test {
namespace {

using core::acquisition;
using core::arena;
using core::outcome;

constexpr std::size_t mib = std::size_t{1} << 20;

struct held_slot {
    acquisition what;
    std::size_t requested = 0;
    std::uint64_t key = 0;

    std::span<std::byte> bytes() const noexcept { return {what.data, requested}; }
};

struct worker {
    explicit worker(unsigned number) : dice(random::for_thread(1000 + number)), keys(number) {}

    random dice;
    key_maker keys;
    std::vector<held_slot> mine;
    std::vector<acquisition> given_back;  // to try once more
    std::uint64_t operations = 0, acquisitions = 0, refused = 0, stale_refused = 0;
};

void acquire(worker& me, arena& from, std::size_t size_max) {
    held_slot got;
    got.requested = me.dice.log_uniform(1, size_max);
    outcome result = outcome::done;
    if (got.requested <= from.classes().largest()) {
        result = from.acquire(from.classes().class_of(got.requested), got.requested, got.what);
    } else {
        result = from.acquire_huge(got.requested, got.requested, got.what);
    }
    if (result != outcome::done) {
        EXPECT_EQ(result, outcome::exhausted);
        ++me.refused;
        return;
    }
    ++me.acquisitions;
    EXPECT_GE(got.what.slot_bytes, got.requested);
    EXPECT_EQ(from.word(got.what.slot), got.what.word);
    EXPECT_EQ(core::tag_of(got.what.word), core::tag_held);
    got.key = me.keys();
    mark(got.bytes(), got.key);
    me.mine.push_back(got);
}

void give_back(worker& me, arena& to, std::size_t at) {
    const held_slot it = me.mine[at];
    me.mine[at] = me.mine.back();
    me.mine.pop_back();
    EXPECT_TRUE(is_marked(it.bytes(), it.key)) << "slot " << it.what.slot;
    EXPECT_EQ(to.word(it.what.slot), it.what.word);
    core::word_bits actual = 0;
    const bool is_huge = it.what.cls == core::size_class_table::huge;
    if (is_huge || !to.put(it.what.cls, it.what.slot, it.what.word)) {
        EXPECT_EQ(to.release(it.what.cls, it.what.slot, it.what.word, actual), outcome::done);
    }
    if (me.given_back.size() < 64)
        me.given_back.push_back(it.what);
    else
        me.given_back[me.dice.below(64)] = it.what;
}

/// What was given back is given back again: refused, whoever has it now, whatever its slab is carved for.
void give_back_again(worker& me, arena& to) {
    if (me.given_back.empty()) return;
    const acquisition& old = me.given_back[me.dice.below(me.given_back.size())];
    core::word_bits actual = 0;
    if (old.cls != core::size_class_table::huge) {
        EXPECT_FALSE(to.put(old.cls, old.slot, old.word));
    }
    EXPECT_EQ(to.release(old.cls, old.slot, old.word, actual), outcome::mismatch);
    EXPECT_NE(actual, old.word);
    EXPECT_GE(core::generation_of(actual), core::generation_of(old.word)) << "a generation went back";
    ++me.stale_refused;
}

void look_up(worker& me, arena& in) {
    const held_slot& one = me.mine[me.dice.below(me.mine.size())];
    const std::size_t inside = me.dice.below(one.what.slot_bytes);
    const core::location at = in.locate(one.what.data + inside);
    EXPECT_EQ(at.what, inside == 0 ? core::location::kind::slot : core::location::kind::interior);
    EXPECT_EQ(at.slot, one.what.slot);
    EXPECT_EQ(at.slot_data, one.what.data);
    EXPECT_EQ(at.slot_bytes, one.what.slot_bytes);
    EXPECT_EQ(at.word, one.what.word);
    EXPECT_EQ(in.locate(&me).what, core::location::kind::foreign);
}

void audit(arena& what, const std::vector<worker>& workers) {
    const char* const wrong = what.check();
    ASSERT_EQ(wrong, nullptr) << wrong;
    std::uint64_t held = 0, held_bytes = 0, requested = 0, acquisitions = 0;
    for (const worker& each : workers) {
        acquisitions += each.acquisitions;
        held += each.mine.size();
        for (const held_slot& one : each.mine) {
            held_bytes += one.what.slot_bytes;
            requested += one.requested;
        }
    }
    const core::census now = what.take_census();
    std::uint64_t idle = now.unassigned_warm_bytes;
    core::class_census sum;
    for (const core::class_census& each : now.classes) {
        sum.held += each.held;
        sum.held_bytes += each.held_bytes;
        sum.requested_bytes += each.requested_bytes;
        sum.acquisitions += each.acquisitions;
        idle += each.cached_bytes + each.free_warm_bytes;
    }
    EXPECT_EQ(sum.held, held);
    EXPECT_EQ(sum.held_bytes, held_bytes);
    EXPECT_EQ(sum.requested_bytes, requested);
    EXPECT_EQ(sum.acquisitions, acquisitions);
    EXPECT_EQ(now.committed_bytes, held_bytes + idle);
    EXPECT_LE(now.committed_bytes, what.options().committed_bytes_max);
    EXPECT_LE(now.committed_bytes, now.committed_bytes_peak);
}

struct scene {
    const char* name;
    bool per_cpu;
    unsigned threads;
    std::size_t cap;
    std::size_t idle_cap;
    std::size_t size_max;
};

void PrintTo(const scene& what, std::ostream* out) { *out << what.name; }

class arena_hammer : public ::testing::TestWithParam<scene> {};

TEST_P(arena_hammer, invariants_hold_at_every_pause) {
    const scene& what = GetParam();
    core::arena_options options;
    const auto tiers = default_tiers();
    options.tiers = tiers;
    options.committed_bytes_max = what.cap;
    options.idle_bytes_max = what.idle_cap;
    options.cpu_cache_bytes_max = what.idle_cap / 4;
    options.name = what.name;
    options.per_cpu = what.per_cpu;
    int error = 0;
    arena* const made = arena::create(options, error);
    ASSERT_NE(made, nullptr) << error;

    const int rounds = scaled(2, 8, 100);
    std::vector<worker> workers;
    for (unsigned i = 0; i != what.threads; ++i) workers.emplace_back(i);
    std::atomic<bool> is_round_over{false};
    std::barrier<> line(what.threads + 1);
    std::vector<std::thread> crew;
    for (unsigned i = 0; i != what.threads; ++i) {
        crew.emplace_back([&, i] {
            worker& me = workers[i];
            std::optional<signal_storm> storm;
            if (i < 2) storm.emplace();
            for (int round = 0; round != rounds; ++round) {
                line.arrive_and_wait();
                while (!is_round_over.load(std::memory_order_relaxed)) {
                    ++me.operations;
                    const std::uint64_t wish = me.dice.below(1000);
                    if (wish == 0)
                        made->trim(me.dice.below(what.idle_cap + 1));
                    else if (wish == 1)
                        made->drain();
                    else if (wish < 10)
                        wander(me.dice);
                    else if (wish < 60)
                        give_back_again(me, *made);
                    else if (!me.mine.empty() && wish < 110)
                        look_up(me, *made);
                    else if (me.mine.empty() || (wish < 560 && me.mine.size() < 32))
                        acquire(me, *made, what.size_max);
                    else
                        give_back(me, *made, me.dice.below(me.mine.size()));
                }
                line.arrive_and_wait();
            }
        });
    }
    for (int round = 0; round != rounds; ++round) {
        is_round_over.store(false, std::memory_order_relaxed);
        const time_box box(std::chrono::milliseconds(250));
        line.arrive_and_wait();
        while (!box.is_over()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        is_round_over.store(true, std::memory_order_relaxed);
        line.arrive_and_wait();
        audit(*made, workers);
    }
    for (auto& each : crew) each.join();

    std::uint64_t operations = 0, refused = 0;
    for (worker& each : workers) {
        while (!each.mine.empty()) give_back(each, *made, each.mine.size() - 1);
        operations += each.operations;
        refused += each.refused;
    }
    audit(*made, workers);
    made->drain();
    EXPECT_EQ(made->check(), nullptr);
    made->trim(0);
    EXPECT_EQ(made->check(), nullptr);
    EXPECT_EQ(made->take_census().committed_bytes, 0U);
    made->close();
    report_operations(what.name, operations, refused);
}

INSTANTIATE_TEST_SUITE_P(scenes, arena_hammer,
                         ::testing::Values(scene{"default_tiers", true, 12, 512 * mib, 64 * mib, 16 * mib},
                                           scene{"huge_runs", true, 6, 512 * mib, 128 * mib, 128 * mib},
                                           scene{"tight_cap", true, 6, 16 * mib, 8 * mib, 4 * mib},
                                           scene{"without_cpu_caches", false, 8, 256 * mib, 32 * mib, 8 * mib}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace polder::test
