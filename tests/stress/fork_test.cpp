// SPDX-License-Identifier: Apache-2.0
//
// Test plan: fork in the middle of everything. The child has a copy of the pool, its own thread, and nothing of the others.
//
//   parent   threads hammer the pool (and one trims and drains) while the main thread forks again and again, holding marked buffers
//   child    its copies of the buffers are intact; it releases them, acquires and releases thousands, trims, drains, counts, splits, makes
//            a pool of its own, destroys the inherited one; it never hangs (alarm) and never reports a violation
//   proof    the child's exit code says which step failed; the parent's census is exact at the end
#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include "stress/harness.hpp"
#include "support/subprocess.hpp"

namespace polder::test {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

enum child_step {
    all_well = 0,
    own_buffers_damaged = 10,
    cannot_acquire,
    marks_damaged,
    books_wrong,
    own_count_wrong,
    grandchild_failed
};

bool books_agree(const pool_stats& s) {
    return s.committed_bytes == s.in_use_bytes + s.idle_bytes && s.acquisitions - s.releases == s.buffers_in_use &&
           s.requested_bytes <= s.in_use_bytes;
}

int use_pool(buffer_pool& pool, random& dice, int operations) {
    key_maker keys(0xc0ffee);
    std::vector<marked> mine;
    mine.reserve(32);
    int damaged = 0;
    for (int i = 0; i != operations; ++i) {
        if (mine.size() < 16) {
            std::error_code error;
            buffer got = pool.try_acquire(dice.log_uniform(1, dice.one_in(20) ? 2 * mib : 64 << 10), error);
            // What the parent's other threads held is lost here, so a full pool is no failure.
            if (!got && error != errc::exhausted) return cannot_acquire;
            if (got) mine.emplace_back(std::move(got), keys());
        }
        if (mine.size() == 16 || (!mine.empty() && dice.one_in(3))) {
            std::swap(mine[dice.below(mine.size())], mine.back());
            damaged += mine.back().is_intact() ? 0 : 1;
            mine.pop_back();
        }
    }
    for (const marked& each : mine) damaged += each.is_intact() ? 0 : 1;
    return damaged == 0 ? all_well : marks_damaged;
}

int in_the_child(std::unique_ptr<buffer_pool>& pool, std::vector<marked>& mine, random dice, bool may_fork_again) {
    alarm(sanitized() ? 60 : 20);
    dice = random(dice() + static_cast<std::uint64_t>(getpid()));
    wander(dice);
    for (const marked& each : mine)
        if (!each.is_intact()) return own_buffers_damaged;
    const std::uint64_t before = pool->stats().buffers_in_use;
    std::size_t released = 0;
    while (mine.size() > 4) {
        mine.pop_back();
        ++released;
    }
    if (pool->stats().buffers_in_use != before - released) return own_count_wrong;
    if (const int failed = use_pool(*pool, dice, 500)) return failed;
    pool->drain();
    if (!books_agree(pool->stats())) return books_wrong;
    pool->trim(dice.below(8 * mib));
    if (!books_agree(pool->stats())) return books_wrong;
    if (const int failed = use_pool(*pool, dice, 500)) return failed;
    if (pool->stats().buffers_in_use != before - released) return own_count_wrong;
    if (may_fork_again) {
        const pid_t grandchild = fork();
        if (grandchild == 0) _exit(in_the_child(pool, mine, dice, false));
        const int status = wait_for(grandchild);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return grandchild_failed;
    }
    buffer_pool fresh({.name = "born in the child", .committed_bytes_max = 64 * mib});
    if (const int failed = use_pool(fresh, dice, 200)) return failed;
    if (fresh.stats().buffers_in_use != 0) return own_count_wrong;
    pool.reset();  // buffers of this thread are still out
    for (const marked& each : mine)
        if (!each.is_intact()) return own_buffers_damaged;
    mine.clear();
    return all_well;
}

class forking : public ::testing::TestWithParam<bool> {};

TEST_P(forking, children_can_use_the_pool) {
    if (thread_sanitized()) GTEST_SKIP() << "ThreadSanitizer does not follow a fork of many threads";
    constexpr unsigned threads = 6;
    auto pool = std::make_unique<buffer_pool>(buffer_pool_options{
        .name = "forked", .committed_bytes_max = 256 * mib, .idle_bytes_max = 32 * mib, .per_cpu_caches = GetParam()});
    std::atomic<bool> is_over{false};
    std::atomic<std::uint64_t> acquisitions{0}, damaged{0};
    std::vector<std::thread> crew;
    for (unsigned i = 0; i != threads; ++i) {
        crew.emplace_back([&, i] {
            random dice = random::for_thread(i);
            key_maker keys(i);
            // No allocation from here on: a child of a sanitized process must not find its allocator locked.
            std::array<marked, 12> mine;
            std::uint64_t taken = 0;
            while (!is_over.load(std::memory_order_relaxed)) {
                if (i == 0 && dice.one_in(200)) pool->trim(dice.below(16 * mib));
                if (i == 1 && dice.one_in(200)) pool->drain();
                marked& one = mine[dice.below(mine.size())];
                if (!one.is_intact()) damaged.fetch_add(1, std::memory_order_relaxed);
                std::error_code error;
                buffer got = pool->try_acquire(dice.log_uniform(1, dice.one_in(50) ? 2 * mib : 64 << 10), error);
                if (!got) continue;
                ++taken;
                one = marked(std::move(got), keys());
            }
            for (const marked& each : mine)
                if (!each.is_intact()) damaged.fetch_add(1, std::memory_order_relaxed);
            acquisitions.fetch_add(taken, std::memory_order_relaxed);
        });
    }

    random dice;
    key_maker keys(99);
    std::vector<marked> mine;
    std::uint64_t forks = 0;
    std::uint64_t taken = 0;
    const std::size_t wanted = sanitized() ? scaled<std::size_t>(3, 15, 200) : scaled<std::size_t>(5, 50, 2'000);
    while (forks != wanted && !HasFailure()) {
        while (mine.size() < 32) {
            std::error_code error;
            buffer got = pool->try_acquire(dice.log_uniform(1, 128 << 10), error);
            ASSERT_TRUE(got) << error.message();
            ++taken;
            mine.emplace_back(std::move(got), keys());
        }
        std::this_thread::sleep_for(std::chrono::microseconds(dice.below(3'000)));
        std::fflush(nullptr);
        const bool again = dice.one_in(8);
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) _exit(in_the_child(pool, mine, dice, again));
        ++forks;
        const int status = wait_for(child);
        EXPECT_FALSE(WIFSIGNALED(status)) << "signal " << WTERMSIG(status) << " in child " << forks
                                          << (WTERMSIG(status) == SIGALRM ? ": it hung" : "");
        EXPECT_EQ(WEXITSTATUS(status), all_well) << "child " << forks;
        for (std::size_t n = dice.below(16); n != 0; --n) {
            EXPECT_TRUE(mine.back().is_intact());
            mine.pop_back();
        }
    }
    is_over.store(true);
    for (auto& each : crew) each.join();
    mine.clear();
    EXPECT_EQ(damaged.load(), 0U);
    expect_all_home(*pool, acquisitions.load() + taken);
    report_operations("forks", acquisitions.load() + taken);
    std::printf("[   DONE   ] %" PRIu64 " forks\n", forks);
}

INSTANTIATE_TEST_SUITE_P(per_cpu, forking, ::testing::Values(true, false),
                         [](const auto& info) { return std::string(info.param ? "with_cpu_caches" : "without"); });

}  // namespace
}  // namespace polder::test
