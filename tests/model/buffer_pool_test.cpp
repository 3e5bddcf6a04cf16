// SPDX-License-Identifier: Apache-2.0
//
// Test plan: a buffer_pool against a plain reference, by random programs; a million operations in the two runs, with
// restartable sequences and without.
//
//   operations   acquire (also aligned), release, resize, clear, slice, split_off, detach, attach, allocate, deallocate, move, trim, drain,
//                clear, acquire and release by another thread, on other CPUs; impossible requests; misuse
//   after each   statistics equal the reference's books, tier by tier; no two live slots overlap; generations go up by one per acquisition;
//                the peak of committed bytes is one that was reached; refusals only when there was no room
//   every 16th   arena::check(); all contents are intact; exactly the violations that were provoked
//   at the end   everything comes home, before the end of the pool or after it
//   scenes       the default · a tight cap · runs of slabs · no caches · tiers of one's own · no idle memory · a tiny pool
#include <cinttypes>

#include "model/runner.hpp"

namespace polder::test {
namespace {

constexpr std::size_t kib = std::size_t{1} << 10;
constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t steps_max = 600;

class buffer_pool_model : public ::testing::TestWithParam<model_options> {};

TEST_P(buffer_pool_model, does_as_the_reference_does) {
    const model_options& what = GetParam();
    surroundings around;
    const int cases = sanitized() ? scaled(what.cases / 100 + 1, what.cases / 25 + 1, what.cases / 2)
                                  : scaled(what.cases / 50 + 1, what.cases, what.cases * 10);
    check_programs(cases, steps_max, what.size_max, [&](const program& steps) {
        around.violations.clear();
        return runner(what, around).run(steps);
    });
    std::printf("[   DONE   ] %s: %d programs, %" PRIu64 " operations, %" PRIu64 " refused at a cap, %" PRIu64 " misuses\n",
                what.name, cases, around.operations, around.refusals, around.misuses);
    EXPECT_GE(around.operations, static_cast<std::uint64_t>(cases) * steps_max / 2);
}

INSTANTIATE_TEST_SUITE_P(
    scenes, buffer_pool_model,
    ::testing::Values(
        model_options{.name = "by_default",
                      .pool = {.name = "model", .committed_bytes_max = 256 * mib, .idle_bytes_max = 64 * mib},
                      .size_max = mib,
                      .cases = 240},
        model_options{.name = "tight_cap",
                      .pool = {.name = "model", .committed_bytes_max = 12 * mib, .idle_bytes_max = 6 * mib},
                      .size_max = 8 * mib,
                      .cases = 140},
        model_options{.name = "runs_of_slabs",
                      .pool = {.name = "model", .committed_bytes_max = 512 * mib, .idle_bytes_max = 128 * mib},
                      .size_max = 160 * mib,
                      .held_max = 24,
                      .cases = 24},
        model_options{
            .name = "without_cpu_caches",
            .pool = {.name = "model", .committed_bytes_max = 64 * mib, .idle_bytes_max = 16 * mib, .per_cpu_caches = false},
            .size_max = mib,
            .cases = 210},
        model_options{.name = "own_tiers",
                      .pool = {.name = "model",
                               .tiers = {64, 192, 1024, 64 * kib, mib},
                               .committed_bytes_max = 64 * mib,
                               .idle_bytes_max = 8 * mib,
                               .colouring = false},
                      .size_max = 6 * mib,
                      .cases = 180},
        model_options{.name = "no_idle_memory",
                      .pool = {.name = "model", .committed_bytes_max = 64 * mib, .idle_bytes_max = 0},
                      .size_max = 256 * kib,
                      .cases = 180},
        model_options{.name = "tiny",
                      .pool = {.name = "model", .committed_bytes_max = 64 * kib, .idle_bytes_max = 32 * kib},
                      .size_max = 16 * kib,
                      .cases = 240}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace polder::test
