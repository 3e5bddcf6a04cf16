// SPDX-License-Identifier: Apache-2.0
//
// Test plan: threads that the restartable sequences do not work for still get their buffers, by the path behind.
//
//   unregistered    a thread that took back its rseq registration
//   raw clone       a thread made by clone(2), with a thread area that no C library registered
//   single steps    a debugger that stops after each instruction restarts each sequence for ever: the retries are bounded
//   stalled         a thread stopped by a debugger in the middle of its work, for long, does not keep the others from anything
#include <linux/rseq.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>
#include <sys/wait.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "polder/os/rseq.hpp"
#include "stress/harness.hpp"
#include "support/subprocess.hpp"

namespace polder::test {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

buffer_pool_options middling() { return {.name = "oddities", .committed_bytes_max = 128 * mib, .idle_bytes_max = 32 * mib}; }

/// Returns how many buffers were damaged. Allocates nothing but buffers.
std::uint64_t work(buffer_pool& pool, std::uint64_t number, int operations) {
    random dice = random::for_thread(number);
    key_maker keys(number);
    marked mine[8];
    std::uint64_t damaged = 0;
    for (int i = 0; i != operations; ++i) {
        marked& one = mine[dice.below(8)];
        damaged += one.is_intact() ? 0 : 1;
        std::error_code error;
        buffer got = pool.try_acquire(dice.log_uniform(1, 64 << 10), error);
        if (!got) return ~std::uint64_t{0};
        one = marked(std::move(got), keys());
    }
    for (const marked& each : mine) damaged += each.is_intact() ? 0 : 1;
    return damaged;
}

/// Ordinary threads that use the pool meanwhile.
class company {
public:
    explicit company(buffer_pool& pool) {
        for (unsigned i = 0; i != 2; ++i)
            crew_.emplace_back([this, &pool, i] {
                while (!is_over_.load(std::memory_order_relaxed)) {
                    damaged_.fetch_add(work(pool, 50 + i, 50), std::memory_order_relaxed);
                    operations_.fetch_add(50, std::memory_order_relaxed);
                }
            });
    }
    ~company() { stop(); }
    std::uint64_t stop() {
        is_over_.store(true);
        for (auto& each : crew_) each.join();
        crew_.clear();
        return damaged_.load();
    }
    std::uint64_t operations() const noexcept { return operations_.load(); }

private:
    std::atomic<bool> is_over_{false};
    std::atomic<std::uint64_t> damaged_{0}, operations_{0};
    std::vector<std::thread> crew_;
};

/// The thread pointer. (clang 14 has no __builtin_thread_pointer here.)
char* thread_area() noexcept {
    char* area = nullptr;
#if defined(__x86_64__)
    asm("movq %%fs:0, %0" : "=r"(area));
#endif
    return area;
}

TEST(oddities, a_thread_that_unregistered_itself) {
    if (!os::rseq_available()) GTEST_SKIP() << os::rseq_status();
    buffer_pool pool(middling());
    std::uint64_t damaged = 0;
    long unregistered = -1;
    {
        company others(pool);
        std::thread odd([&] {
            char* const area = thread_area() + __rseq_offset;
            for (const unsigned length : {32U, __rseq_size, 20U})
                if (unregistered != 0) unregistered = syscall(SYS_rseq, area, length, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
            damaged = work(pool, 1, scaled(500, 20'000, 200'000));
        });
        odd.join();
        EXPECT_EQ(others.stop(), 0U);
    }
    EXPECT_EQ(unregistered, 0) << "the kernel did not unregister the thread";
    EXPECT_EQ(damaged, 0U);
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
    pool.trim();
    EXPECT_EQ(pool.stats().committed_bytes, 0U);
}

struct raw_thread {
    buffer_pool* pool;
    std::uint64_t damaged;
    std::atomic<int> alive;
};

int run_raw(void* argument) {
    auto& mine = *static_cast<raw_thread*>(argument);
    mine.damaged = work(*mine.pool, 2, 2'000);
    return 0;
}

TEST(oddities, a_thread_made_by_clone) {
    if (!os::rseq_available()) GTEST_SKIP() << os::rseq_status();
    if (sanitized()) GTEST_SKIP() << "sanitizers need to know their threads";
    if (__rseq_offset <= 0) GTEST_SKIP() << "a C library that keeps the registration elsewhere";
    buffer_pool pool(middling());
    raw_thread mine{&pool, 1, 1};
    company others(pool);
    // The parent is a thread of its own: below its thread area lies its stack, so a copy of the area reads no hole. It waits for the raw
    // thread and does nothing meanwhile, because both share what the C library keeps by thread.
    std::thread parent([&mine] {
        auto* const area = thread_area();
        constexpr std::size_t below = 8192;
        // The registration is the last thing in the area of a thread, as far as we know; behind it may lie the end of the mapping.
        const std::size_t above = static_cast<std::size_t>(__rseq_offset) + 32;
        alignas(64) static char copy[below + 8192];
        ASSERT_LE(above, std::size_t{8192});
        std::memcpy(copy, area - below, below + above);
        char* const made = copy + below;
        std::memcpy(made, &made, sizeof(char*));       // the area begins with a pointer to itself,
        std::memcpy(made + 16, &made, sizeof(char*));  // and has another one
        auto* const registration = reinterpret_cast<struct rseq*>(made + __rseq_offset);
        registration->cpu_id_start = 0;
        registration->cpu_id = static_cast<std::uint32_t>(RSEQ_CPU_ID_UNINITIALIZED);
        registration->rseq_cs = 0;
        constexpr std::size_t stack_bytes = std::size_t{256} << 10;
        void* const stack = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(stack, MAP_FAILED);
        const int flags =
            CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_CHILD_CLEARTID;
        ASSERT_GT(clone(run_raw, static_cast<char*>(stack) + stack_bytes, flags, &mine, nullptr, made, &mine.alive), 0);
        for (int waited = 0; mine.alive.load(std::memory_order_acquire) != 0; ++waited) {
            ASSERT_LT(waited, 60'000) << "the raw thread hangs";
            usleep(1'000);
        }
        munmap(stack, stack_bytes);
    });
    parent.join();
    EXPECT_EQ(mine.damaged, 0U);
    EXPECT_EQ(others.stop(), 0U);
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
    pool.trim();
    EXPECT_EQ(pool.stats().committed_bytes, 0U);
}

TEST(oddities, a_debugger_that_steps) {
    if (sanitized()) GTEST_SKIP() << "a hundred times as many steps, and none of them ours";
    const int pairs = scaled(10, 100, 100);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
        alarm(120);
        buffer_pool pool(middling());
        { const buffer warm = pool.acquire(2048); }
        raise(SIGSTOP);
        for (int i = 0; i != pairs; ++i) {
            const buffer one = pool.acquire(2048);
            if (!one) _exit(2);
        }
        raise(SIGSTOP);
        _exit(pool.stats().buffers_in_use == 0 && pool.stats().acquisitions == static_cast<std::uint64_t>(pairs) + 1 ? 0 : 3);
    }
    int status = wait_for(child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "ptrace is not allowed here";
    ASSERT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    // Some 64 retries of a dozen instructions and the slow path, each way: 5,000 would be much.
    const long steps_max = 10'000L * pairs;
    long steps = 0;
    for (;; ++steps) {
        if (steps == steps_max) {
            kill(child, SIGKILL);
            wait_for(child);
            FAIL() << "the sequences are retried without end";
        }
        ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr), 0);
        status = wait_for(child);
        ASSERT_TRUE(WIFSTOPPED(status)) << status;
        if (WSTOPSIG(status) == SIGSTOP) break;
        ASSERT_EQ(WSTOPSIG(status), SIGTRAP);
    }
    ASSERT_EQ(ptrace(PTRACE_CONT, child, nullptr, nullptr), 0);
    status = wait_for(child);
    EXPECT_TRUE(WIFEXITED(status)) << status;
    EXPECT_EQ(WEXITSTATUS(status), 0);
    std::printf("[   DONE   ] %ld steps for %d acquisitions and releases\n", steps, pairs);
}

/// A child process with two threads; we stop one at random places for a while and look whether the other gets on.
TEST(oddities, a_thread_that_stalls) {
    if (thread_sanitized()) GTEST_SKIP() << "threads in a forked child";
    struct shared_counters {
        std::atomic<std::uint64_t> free_runner;
        std::atomic<pid_t> victim;
        std::atomic<int> is_over;
    };
    void* const memory = mmap(nullptr, sizeof(shared_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    auto* const counters = new (memory) shared_counters{};
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        alarm(120);
        buffer_pool pool(middling());
        std::uint64_t damaged = 0;
        std::thread victim([&] {
            counters->victim.store(static_cast<pid_t>(syscall(SYS_gettid)));
            while (counters->is_over.load() == 0) damaged += work(pool, 1, 20);
        });
        std::uint64_t mine = 0;
        while (counters->is_over.load() == 0) {
            mine += work(pool, 2, 20);
            counters->free_runner.fetch_add(20);
        }
        victim.join();
        pool.trim();
        _exit(damaged + mine == 0 && pool.stats().committed_bytes == 0 ? 0 : 3);
    }
    while (counters->victim.load() == 0) usleep(1'000);
    random dice;
    bool is_allowed = true;
    const int stalls = scaled(5, 40, 1'000);
    int stuck = 0;
    for (int i = 0; i != stalls && is_allowed; ++i) {
        usleep(static_cast<useconds_t>(dice.below(5'000)));
        if (ptrace(PTRACE_SEIZE, counters->victim.load(), nullptr, nullptr) != 0) {
            is_allowed = false;
            break;
        }
        ptrace(PTRACE_INTERRUPT, counters->victim.load(), nullptr, nullptr);
        int status = 0;
        waitpid(counters->victim.load(), &status, __WALL);
        const std::uint64_t before = counters->free_runner.load();
        // A stopped thread may be the one that maintains; then an acquisition at the limit waits for it. Elsewhere nobody waits.
        for (int waited = 0; counters->free_runner.load() < before + 100 && waited != 2'000; ++waited) usleep(1'000);
        if (counters->free_runner.load() < before + 100) ++stuck;
        ptrace(PTRACE_DETACH, counters->victim.load(), nullptr, nullptr);
    }
    counters->is_over.store(1);
    const int status = wait_for(child);
    EXPECT_TRUE(WIFEXITED(status)) << status;
    EXPECT_EQ(WEXITSTATUS(status), 0);
    munmap(memory, sizeof(shared_counters));
    if (!is_allowed) GTEST_SKIP() << "ptrace is not allowed here";
    EXPECT_EQ(stuck, 0) << "of " << stalls << " stalls";
}

}  // namespace
}  // namespace polder::test
