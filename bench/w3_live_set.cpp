// SPDX-License-Identifier: Apache-2.0
//
// W3: 256 live buffers, sizes log-uniform in 64 B ... 4 MiB. One at random is released, another acquired, and the first byte of each
// 4 KiB of it written. Per replacement.
// W3s: the same, but the byte lies on a cache line that varies from page to page, so that the pages do not compete for one cache set.
//
// Resident memory is read between batches, over the whole run, and once more after everything was released and trimmed.
//
// smoke: --seconds=0.01 --benchmark_filter=^w3/(polder|polder_fallback)/
#include <algorithm>
#include <array>
#include <cstdint>

#include "peers/peers.hpp"
#include "support/keep.hpp"
#include "support/random.hpp"

namespace {

constexpr std::size_t page = 4096;

[[gnu::always_inline]] inline void touch(std::byte* data, std::size_t size, bool is_spread, std::uint32_t salt) {
    if (!is_spread) {
        for (std::size_t at = 0; at < size; at += page) data[at] = std::byte{1};
        return;
    }
    for (std::size_t at = 0; at < size; at += page) {
        salt += 0x9e3779b9u;
        const std::size_t inside = at + (salt >> 26) * 64;
        data[inside < size ? inside : at] = std::byte{1};
    }
}

template <class Peer>
class live_set {
public:
    explicit live_set(bool is_spread) : is_spread_(is_spread) { bench::check(peer_, 2048); }

    bench::figures measure() {
        const double resident_before = bench::smaps_bytes("Rss:");
        for (std::size_t at = 0; at < held_.size(); ++at) fill(at);
        warm_up();

        constexpr int samples_wanted = 50;
        constexpr std::uint64_t batch = 256;
        double resident = 0;
        double live = 0;
        double resident_peak = 0;
        int samples = 0;
        bench::sample taken;
        const std::uint64_t faults_at_first = bench::page_faults();
        while (taken.seconds < bench::sample_seconds) {
            const double start = bench::cpu_seconds();
            for (std::uint64_t i = 0; i < batch; ++i) replace();
            taken.seconds += bench::cpu_seconds() - start;
            taken.operations += batch;
            if (taken.seconds * samples_wanted >= bench::sample_seconds * samples) {
                const double now = bench::smaps_bytes("Rss:") - resident_before;
                resident += now;
                resident_peak = std::max(resident_peak, now);
                live += static_cast<double>(live_bytes_);
                ++samples;
            }
        }
        taken.faults = static_cast<double>(bench::page_faults() - faults_at_first);
        bench::figures found = bench::per_operation(taken);
        found.emplace_back("rss_per_live", resident / live);
        found.emplace_back("live_mb", live / samples / 1e6);
        found.emplace_back("peak_mb", resident_peak / 1e6);
        for (auto& one : held_) peer_.put(one);
        found.emplace_back("released_mb", (bench::smaps_bytes("Rss:") - resident_before) / 1e6);
        peer_.trim();
        found.emplace_back("trimmed_mb", (bench::smaps_bytes("Rss:") - resident_before) / 1e6);
        // Pages marked MADV_FREE still count as resident until the system wants them.
        found.emplace_back("trimmed_lazy_mb", bench::smaps_bytes("LazyFree:") / 1e6);
        return found;
    }

private:
    void fill(std::size_t at) {
        const std::size_t size = bench::opaque(sizes_.draw(random_));
        held_[at] = peer_.get(size);
        held_bytes_[at] = size;
        live_bytes_ += size;
        touch(Peer::data(held_[at]), size, is_spread_, random_.next());
        bench::keep(Peer::data(held_[at]));
    }

    void replace() {
        const std::size_t at = random_.below(held_.size());
        live_bytes_ -= held_bytes_[at];
        peer_.put(held_[at]);
        fill(at);
    }

    /// 20,000 replacements; peers that take too long over them get twice the time of the sample, or 0.3 s.
    void warm_up() {
        const double start = bench::cpu_seconds();
        const double seconds = bench::at_least(0.15) * 2;
        for (int i = 0; i < 20'000; ++i) {
            replace();
            if (i % 256 == 0 && bench::cpu_seconds() - start > seconds) break;
        }
    }

    Peer peer_;
    bool is_spread_;
    bench::random_source random_{2};
    bench::log_uniform_sizes sizes_{64, std::size_t{4} << 20};
    std::array<typename Peer::handle, 256> held_{};
    std::array<std::size_t, 256> held_bytes_{};
    std::size_t live_bytes_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    bench::add(bench::single_thread_peers{}, "w3",
               []<class Peer>(std::type_identity<Peer>) { return live_set<Peer>(false).measure(); });
    bench::add(bench::single_thread_peers{}, "w3s",
               []<class Peer>(std::type_identity<Peer>) { return live_set<Peer>(true).measure(); });
    return bench::run(argc, argv);
}
