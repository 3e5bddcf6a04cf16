// SPDX-License-Identifier: Apache-2.0
//
// Test plan, the positive control: would the stress tests see it if the word check did not work?
//
//   The same scene, with handles that are copied bit by bit and released twice now and then, runs in two programs.
//   They differ in one thing: the library of one was compiled with POLDER_NO_WORD_CHECK.
//     defended     every second release is reported as a violation, exactly as many as were made, and nothing is damaged: marks, census
//     undefended   the marks must show damage (buffers with two owners). A harness that stays silent there proves nothing elsewhere.
//   The scene runs in a child, because damage may end it in any way; what it counted stands in shared memory.
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <thread>

#include "stress/harness.hpp"
#include "support/subprocess.hpp"

namespace polder::test {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

struct evidence {
    std::atomic<std::uint64_t> operations, second_releases, violations, double_releases, stale_handles, damaged, is_complete,
        census_errors;
};

evidence* seen = nullptr;

evidence* shared_evidence() {
    void* const memory = mmap(nullptr, sizeof(evidence), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? nullptr : new (memory) evidence{};
}

void count_violation(const violation& what) {
    seen->violations.fetch_add(1);
    if (what.kind == violation_kind::double_release) seen->double_releases.fetch_add(1);
    if (what.kind == violation_kind::stale_handle) seen->stale_handles.fetch_add(1);
}

/// The mistake: the bits of a handle, kept while the handle itself goes on. Its end releases the slot a second time.
class stolen_handle {
public:
    void steal(const buffer& from) noexcept {
        std::memcpy(bits_.data(), static_cast<const void*>(&from), sizeof(buffer));
        full_ = true;
    }
    bool is_full() const noexcept { return full_; }
    void release() noexcept {
        full_ = false;
        std::destroy_at(std::launder(reinterpret_cast<buffer*>(bits_.data())));
    }

private:
    alignas(buffer) std::array<std::byte, sizeof(buffer)> bits_{};
    bool full_ = false;
};

void make_mistakes(buffer_pool& pool, unsigned number, const std::atomic<bool>& is_over) {
    random dice = random::for_thread(number);
    key_maker keys(number);
    std::array<marked, 16> mine;
    stolen_handle stolen;
    while (!is_over.load(std::memory_order_relaxed)) {
        marked& one = mine[dice.below(mine.size())];
        if (!one.is_intact()) seen->damaged.fetch_add(1);
        if (one.bytes && !stolen.is_full() && dice.one_in(20)) stolen.steal(one.bytes);
        std::error_code error;
        one.bytes.reset();
        // Few sizes, so that what was given back is soon somebody else's.
        buffer got = pool.try_acquire(dice.one_in(4) ? 64 << 10 : 1024, error);
        seen->operations.fetch_add(1, std::memory_order_relaxed);
        if (stolen.is_full() && dice.one_in(10)) {
            // Its owner gave the slot back, above or a while ago; by now it is idle, or somebody else's.
            seen->second_releases.fetch_add(1);
            stolen.release();
        }
        if (got) one = marked(std::move(got), keys());
    }
    for (marked& each : mine)
        if (!each.is_intact()) seen->damaged.fetch_add(1);
    if (stolen.is_full()) {
        seen->second_releases.fetch_add(1);
        stolen.release();
    }
}

int scene(bool per_cpu) {
    alarm(sanitized() ? 120 : 30);
    set_violation_handler(count_violation);
    buffer_pool pool({.name = "control", .committed_bytes_max = 64 * mib, .idle_bytes_max = 16 * mib, .per_cpu_caches = per_cpu});
    std::atomic<bool> is_over{false};
    std::vector<std::thread> crew;
    for (unsigned i = 0; i != 6; ++i) crew.emplace_back([&, i] { make_mistakes(pool, i, is_over); });
    const time_box box(std::chrono::seconds(2));
    while (!box.is_over()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    is_over.store(true);
    for (auto& each : crew) each.join();
    const pool_stats s = pool.stats();
    if (s.buffers_in_use != 0 || s.acquisitions != s.releases) seen->census_errors.fetch_add(1);
    pool.trim(0);
    if (pool.stats().committed_bytes != 0) seen->census_errors.fetch_add(1);
    seen->is_complete.store(1);
    return 0;
}

class control : public ::testing::TestWithParam<bool> {};

TEST_P(control, handles_released_twice) {
    if (thread_sanitized()) GTEST_SKIP() << "the undefended program races by design, in a forked child";
    seen = shared_evidence();
    ASSERT_NE(seen, nullptr);
    process_seed();
    const child_result ended = in_child([] { return scene(GetParam()); });
    std::printf("[   DONE   ] %" PRIu64 " operations, %" PRIu64 " second releases, %" PRIu64 " violations (%" PRIu64
                " double, %" PRIu64 " stale), %" PRIu64 " damaged buffers, %" PRIu64 " errors of the census, child status %d\n",
                seen->operations.load(), seen->second_releases.load(), seen->violations.load(), seen->double_releases.load(),
                seen->stale_handles.load(), seen->damaged.load(), seen->census_errors.load(), ended.status);
    EXPECT_GT(seen->second_releases.load(), 0U);
#if defined(POLDER_NO_WORD_CHECK)
    EXPECT_GT(seen->damaged.load(), 0U) << "two owners of a buffer, and the harness saw nothing";
#else
    EXPECT_TRUE(ended.exited_with(0)) << ended.text;
    EXPECT_EQ(seen->is_complete.load(), 1U);
    EXPECT_EQ(seen->violations.load(), seen->second_releases.load());
    EXPECT_GT(seen->double_releases.load(), 0U);
    EXPECT_GT(seen->stale_handles.load(), 0U);
    EXPECT_EQ(seen->damaged.load(), 0U);
    EXPECT_EQ(seen->census_errors.load(), 0U);
#endif
    munmap(seen, sizeof(evidence));
}

INSTANTIATE_TEST_SUITE_P(per_cpu, control, ::testing::Values(true, false),
                         [](const auto& info) { return std::string(info.param ? "with_cpu_caches" : "without"); });

}  // namespace
}  // namespace polder::test
