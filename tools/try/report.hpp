// SPDX-License-Identifier: Apache-2.0
//
// What `polder try` finds out, as plain values: the scenes fill them in, text.cpp and json.cpp tell them, promises.cpp judges them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace tools::try_scenes {

/// Whose memory a run used.
enum class memory_kind : std::uint8_t { malloc, polder };
inline constexpr std::array<memory_kind, 2> both_kinds{memory_kind::malloc, memory_kind::polder};
inline const char* to_string(memory_kind kind) noexcept { return kind == memory_kind::malloc ? "malloc" : "polder"; }

/// One figure per kind of memory, side by side.
template <class Value>
struct side_by_side {
    Value malloc{};
    Value polder{};
    Value& of(memory_kind kind) noexcept { return kind == memory_kind::malloc ? malloc : polder; }
    const Value& of(memory_kind kind) const noexcept { return kind == memory_kind::malloc ? malloc : polder; }
};

struct machine_facts {
    std::string cpu;
    unsigned cpus = 0;  ///< that this process may use
    std::uint64_t memory_bytes = 0;
    std::string kernel;
    std::string libc;
    std::string compiler;
    std::string huge_pages;     ///< the setting for transparent huge pages
    std::string cache_status;   ///< of polder's per-CPU caches
    double clock_ns = 0;        ///< what reading the clock adds to each time
    bool instrumented = false;  ///< a debug or sanitizer build: its times say nothing
    bool sanitized = false;     ///< a sanitizer build: its page faults say nothing either
};

/// Times of one operation, in ns.
struct operation_times {
    double p50 = 0;
    double p99 = 0;
    double max = 0;
};

/// What a pool says about itself when the program is done with it.
struct pool_books {
    std::uint64_t acquisitions = 0;
    std::uint64_t releases = 0;
    std::uint64_t buffers_in_use = 0;
    std::uint64_t in_use_bytes = 0;
    std::uint64_t idle_bytes = 0;
    std::uint64_t committed_bytes_peak = 0;
};

/// One run of the pipeline, as it comes out of the child. Plain bytes. The passes before `measured` began are the warm-up.
struct pipeline_figures {
    double seconds = 0;      ///< measured
    double cpu_seconds = 0;  ///< measured, of all threads, kernel included
    std::uint64_t measured_bytes = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t messages = 0;
    std::uint64_t passes_wrong = 0;    ///< passes over the file whose hash differed on arrival
    std::uint64_t warm_up_faults = 0;  ///< minor page faults
    std::uint64_t measured_faults = 0;
    std::uint64_t rss_peak_bytes = 0;
    std::uint64_t copies = 0;  ///< memcpy calls of the program, payload only
    std::uint64_t copied_bytes = 0;
    std::uint64_t buffers = 0;            ///< got, as the program counts
    operation_times get, cut, give_back;  ///< measured
    pool_books books;                     ///< of polder only
    std::uint8_t transport = 0;           ///< index into transport_names

    double bytes_per_second() const noexcept { return seconds > 0 ? static_cast<double>(measured_bytes) / seconds : 0; }
    double cpu_ns_per_gib() const noexcept {
        constexpr double gib = 1 << 30;
        return measured_bytes > 0 ? cpu_seconds * 1e9 * gib / static_cast<double>(measured_bytes) : 0;
    }
};
inline constexpr std::array<const char*, 3> transport_names{"TCP over 127.0.0.1", "TCP over ::1", "a Unix socket pair"};

struct pipeline_scene {
    std::string failure;  ///< why it could not run; empty when it did
    std::string note;     ///< in what it fell short, for example no loopback network
    std::string file;
    std::uint64_t file_bytes = 0;
    std::uint64_t pass_bytes = 0;
    std::uint64_t passes = 0;
    std::uint64_t warm_up_passes = 0;  ///< of these
    std::uint64_t hash = 0;            ///< XXH64 of one pass
    std::string transport;
    side_by_side<std::vector<pipeline_figures>> runs;  ///< in the order they ran, alternating
    side_by_side<pipeline_figures> median;             ///< figure by figure
    bool same_bytes = false;                           ///< in every run of both
    bool all_came_home = false;                        ///< in every run with polder, by the pool's own count
};

enum class pattern : std::uint8_t { same_thread, hand_off, burst };
inline constexpr std::array<pattern, 3> all_patterns{pattern::same_thread, pattern::hand_off, pattern::burst};

enum class verdict : std::uint8_t { pool_pays, no_difference, malloc_is_faster, runs_disagree, not_run };

struct table_cell {
    pattern how{};
    std::uint64_t size = 0;
    side_by_side<std::vector<double>> runs;         ///< ns per buffer
    side_by_side<std::vector<double>> faults_runs;  ///< minor page faults per buffer
    side_by_side<double> ns;                        ///< medians
    side_by_side<double> faults;                    ///< medians
    verdict says = verdict::not_run;
    std::string why_not;  ///< for not_run
    bool failed = false;  ///< not_run because something broke, not because the machine is too small

    double factor() const noexcept { return ns.polder > 0 ? ns.malloc / ns.polder : 0; }
};

struct table_scene {
    std::vector<table_cell> cells;       ///< pattern by pattern, sizes ascending
    std::vector<std::string> sentences;  ///< where a pool pays and where not, thresholds in bytes
};

struct misuse_scene {
    bool double_release_caught = false;
    std::string double_release_report;  ///< or why there is none
    bool exhausted_caught = false;
    std::string exhausted_report;
};

/// Something `polder try` promises to show.
struct promise {
    std::string name;
    std::string text;
    bool judged = true;  ///< false: this build or this run cannot tell
    bool kept = false;
    std::string found{};
};

struct report {
    bool quick = false;
    std::string fault_made;  ///< on purpose; see fault.hpp
    double seconds = 0;
    machine_facts machine;
    pipeline_scene pipeline;
    table_scene table;
    misuse_scene misuse;
    std::vector<promise> promises;

    bool ok() const noexcept {
        for (const promise& each : promises)
            if (each.judged && !each.kept) return false;
        return true;
    }
};

}  // namespace tools::try_scenes
