// SPDX-License-Identifier: Apache-2.0
//
// Test plan: many threads on few CPUs hammer one pool while everything disturbs them.
//
//   scenes      threads only · random migration · signals every 50 us · trim, drain, clear and stats meanwhile · all at once ·
//               a tight cap (memory is carved again all the time, refusals are normal) · no idle memory · no per-CPU caches
//   work        acquire sizes log-uniform 1 B … 8 MiB, write a unique mark, swap with other threads, resize, split, verify, release
//   proof       every mark is intact at its release: no two owners of a byte
//               at each pause of all threads: statistics agree with the threads' own books, with buffers out; arena::check() finds nothing
//               at the end: nobody out, acquisitions == releases == our own count, nothing left after trim(0)
#include <atomic>
#include <barrier>
#include <optional>
#include <thread>

#include "stress/harness.hpp"

namespace polder::test {
namespace {

struct scene {
    const char* name;
    unsigned threads = 16;
    bool migrates = false;
    bool is_signalled = false;
    bool is_maintained = false;
    bool per_cpu = true;
    std::size_t cap = std::size_t{256} << 20;
    std::size_t idle_cap = std::size_t{64} << 20;
    std::size_t size_max = std::size_t{8} << 20;
    std::size_t held_max = 24;
    unsigned board_cells = 64;
};

void PrintTo(const scene& what, std::ostream* out) { *out << what.name; }

/// One thread's books.
struct worker {
    explicit worker(unsigned number) : dice(random::for_thread(number)), keys(number) {}

    random dice;
    key_maker keys;
    std::vector<marked> mine;
    std::uint64_t operations = 0;
    std::uint64_t acquisitions = 0;
    std::uint64_t refused = 0;
    std::uint64_t damaged = 0;
};

void release(worker& me, std::size_t at) {
    me.damaged += me.mine[at].is_intact() ? 0 : 1;
    me.mine[at] = std::move(me.mine.back());
    me.mine.pop_back();
}

void acquire(worker& me, buffer_pool& pool, const scene& what) {
    std::error_code error;
    const std::size_t size = me.dice.log_uniform(1, what.size_max);
    buffer got = pool.try_acquire(size, error);
    if (!got) {
        EXPECT_EQ(error, errc::exhausted) << size;
        ++me.refused;
        return;
    }
    ++me.acquisitions;
    EXPECT_EQ(got.size(), size);
    EXPECT_GE(got.capacity(), size);
    me.mine.emplace_back(std::move(got), me.keys());
}

/// Both halves of a buffer travel alone from then on; the slot goes home with the last of them.
void split(worker& me) {
    marked& whole = me.mine[me.dice.below(me.mine.size())];
    if (whole.bytes.size() < 2) return;
    me.damaged += whole.is_intact() ? 0 : 1;
    buffer tail = whole.bytes.split_off(1 + me.dice.below(whole.bytes.size() - 1));
    whole.key = me.keys();
    mark(whole.bytes.span(), whole.key);
    me.mine.emplace_back(std::move(tail), me.keys());
}

void shrink(worker& me) {
    marked& one = me.mine[me.dice.below(me.mine.size())];
    if (one.bytes.size() == 0) return;
    me.damaged += one.is_intact() ? 0 : 1;
    one.bytes.resize(1 + me.dice.below(one.bytes.size()));
    one.key = me.keys();
    mark(one.bytes.span(), one.key);
}

void step(worker& me, buffer_pool& pool, board& exchange, const scene& what) {
    ++me.operations;
    const std::uint64_t wish = me.dice.below(100);
    if (me.mine.empty() || (wish < 45 && me.mine.size() < what.held_max)) return acquire(me, pool, what);
    if (wish < 80 || me.mine.size() >= what.held_max) return release(me, me.dice.below(me.mine.size()));
    if (wish < 95) return exchange.swap(me.dice(), me.mine[me.dice.below(me.mine.size())]);
    if (wish < 98) return split(me);
    shrink(me);
}

/// With all threads at rest: what the pool counts is what we count.
void audit(const buffer_pool& pool, std::vector<worker>& workers, board& exchange) {
    std::uint64_t acquisitions = 0;
    std::vector<std::pair<const std::byte*, std::size_t>> ranges;
    std::vector<std::uint32_t> slots;
    core::arena* arena = nullptr;
    const auto note = [&](marked& each) {
        if (!each.bytes) return;
        arena = buffer_access::arena_of(each.bytes);
        ranges.emplace_back(each.bytes.data(), each.bytes.capacity());
        slots.push_back(each.bytes.slot());
    };
    for (worker& each : workers) {
        acquisitions += each.acquisitions;
        for (marked& one : each.mine) note(one);
    }
    exchange.for_each(note);
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i)
        EXPECT_LE(ranges[i - 1].first + ranges[i - 1].second, ranges[i].first) << "two live buffers overlap";
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());

    if (arena != nullptr) {
        const char* const wrong = arena->check();
        EXPECT_EQ(wrong, nullptr) << wrong;
    }
    const pool_stats now = pool.stats();
    expect_consistent(now, pool.options().committed_bytes_max);
    EXPECT_EQ(now.acquisitions, acquisitions);
    EXPECT_EQ(now.buffers_in_use, slots.size());
}

class hammer : public ::testing::TestWithParam<scene> {};

TEST_P(hammer, every_byte_has_one_owner) {
    const scene& what = GetParam();
    buffer_pool pool(
        {.name = what.name, .committed_bytes_max = what.cap, .idle_bytes_max = what.idle_cap, .per_cpu_caches = what.per_cpu});
    board exchange(what.board_cells);
    const int rounds = scaled(2, 5, 60);
    std::vector<worker> workers;
    for (unsigned i = 0; i != what.threads; ++i) workers.emplace_back(i);
    std::atomic<bool> is_round_over{false};
    std::barrier<> line(what.threads + 1);

    std::vector<std::thread> crew;
    for (unsigned i = 0; i != what.threads; ++i) {
        crew.emplace_back([&, i] {
            worker& me = workers[i];
            std::optional<signal_storm> storm;
            if (what.is_signalled && i < 4) storm.emplace();
            for (int round = 0; round != rounds; ++round) {
                line.arrive_and_wait();
                while (!is_round_over.load(std::memory_order_relaxed)) {
                    if (what.migrates && me.dice.one_in(256)) wander(me.dice);
                    if (what.is_maintained && i == 0 && me.dice.one_in(64)) pool.trim(me.dice.below(what.idle_cap + 1));
                    if (what.is_maintained && i == 1 && me.dice.one_in(64)) pool.drain();
                    if (what.is_maintained && i == 3 && me.dice.one_in(256)) pool.clear();
                    if (what.is_maintained && i == 2 && me.dice.one_in(64)) {
                        EXPECT_LE(pool.stats().committed_bytes_peak, what.cap);
                    }
                    step(me, pool, exchange, what);
                }
                line.arrive_and_wait();
            }
        });
    }
    for (int round = 0; round != rounds; ++round) {
        is_round_over.store(false, std::memory_order_relaxed);
        const time_box box(std::chrono::milliseconds(400));
        line.arrive_and_wait();
        while (!box.is_over()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        is_round_over.store(true, std::memory_order_relaxed);
        line.arrive_and_wait();
        audit(pool, workers, exchange);
    }
    for (auto& each : crew) each.join();

    std::uint64_t operations = 0;
    std::uint64_t refused = 0;
    std::uint64_t acquisitions = 0;
    for (worker& each : workers) {
        while (!each.mine.empty()) release(each, each.mine.size() - 1);
        EXPECT_EQ(each.damaged, 0U);
        operations += each.operations;
        refused += each.refused;
        acquisitions += each.acquisitions;
    }
    exchange.for_each([](marked& each) {
        EXPECT_TRUE(each.is_intact());
        each.bytes.reset();
    });
    expect_all_home(pool, acquisitions);
    report_operations(what.name, operations, refused);
}

constexpr std::size_t mib = std::size_t{1} << 20;

INSTANTIATE_TEST_SUITE_P(
    scenes, hammer,
    ::testing::Values(
        scene{.name = "threads_only"}, scene{.name = "migration", .migrates = true}, scene{.name = "signals", .is_signalled = true},
        scene{.name = "maintenance", .is_maintained = true},
        scene{.name = "small_sizes", .threads = 8, .migrates = true, .is_signalled = true, .size_max = 4096, .held_max = 200},
        scene{.name = "tight_cap",
              .threads = 6,
              .migrates = true,
              .is_maintained = true,
              .cap = 24 * mib,
              .idle_cap = 16 * mib,
              .held_max = 8,
              .board_cells = 16},
        scene{.name = "no_idle_memory", .threads = 6, .is_maintained = true, .idle_cap = 0, .size_max = mib},
        scene{.name = "without_cpu_caches", .threads = 8, .migrates = true, .is_maintained = true, .per_cpu = false},
        scene{.name = "all_at_once", .threads = 24, .migrates = true, .is_signalled = true, .is_maintained = true}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace polder::test
