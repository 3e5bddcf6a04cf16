// SPDX-License-Identifier: Apache-2.0
#include "try/pipeline_run.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "support/bounded_queue.hpp"
#include "support/latency_histogram.hpp"
#include "support/stream_hash.hpp"
#include "try/connection.hpp"
#include "try/memory.hpp"
#include "try/message_sizes.hpp"

namespace tools::try_scenes {
namespace {

constexpr std::size_t queued_messages_max = 64;
constexpr std::size_t queued_bytes_max = std::size_t{8} << 20;
// An unfinished record longer than this is sent as it is, and the rest of it follows with the next message.
constexpr std::size_t tail_bytes_max = std::size_t{4} << 10;

/// What goes before each message on the wire.
struct frame_header {
    std::uint64_t bytes;
};

/// The times of one thread; merged when all have ended.
struct thread_times {
    latency_histogram get, cut, give_back;
};

/// The operation, timed; the time is noted unless this thread is still warming up.
template <class Operation>
auto timed(latency_histogram& times, bool warm, Operation operation) {
    struct stopwatch {
        latency_histogram& times;
        bool warm;
        std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
        ~stopwatch() {
            const auto elapsed = std::chrono::steady_clock::now() - start;
            if (warm) times.add(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count()));
        }
    } watch{times, warm};
    return operation();
}

/// Time and page faults of the whole process so far.
struct snapshot {
    std::chrono::steady_clock::time_point when;
    double cpu_seconds = 0;
    std::uint64_t minor_faults = 0;
    std::uint64_t rss_peak_bytes = 0;

    static snapshot take() {
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        const auto seconds = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
        };
        return {std::chrono::steady_clock::now(), seconds(usage.ru_utime) + seconds(usage.ru_stime),
                static_cast<std::uint64_t>(usage.ru_minflt), static_cast<std::uint64_t>(usage.ru_maxrss) * 1024};
    }
};

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

template <class Memory>
class pipeline {
    using buffer = typename Memory::buffer;

    /// What the writer sends as one: the record that the message before left unfinished, and the message.
    struct outgoing {
        buffer carried;
        buffer main;
        std::size_t size() const noexcept { return carried.size() + main.size(); }
    };

public:
    pipeline(const source& from, const pipeline_plan& plan) : from_(from), plan_(plan) {}

    pipeline_figures run() {
        start_ = warm_ = snapshot::take();
        std::thread reader([this] { guarded([this] { read(); }); });
        std::thread parser([this] { guarded([this] { parse(); }); });
        std::thread writer([this] { guarded([this] { write(); }); });
        std::thread receiver([this] { guarded([this] { receive(); }); });
        for (std::thread* each : {&reader, &parser, &writer, &receiver}) each->join();
        if (failure_) std::rethrow_exception(failure_);
        finish_figures();
        return figures_;
    }

private:
    void read() {
        message_sizes sizes;
        for (std::uint64_t pass = 0; pass < plan_.passes; ++pass) {
            for (std::uint64_t at = 0; at < from_.pass_bytes();) {
                const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(sizes.next(), from_.pass_bytes() - at));
                buffer message = timed(reader_times_.get, pass >= plan_.warm_up_passes, [&] { return memory_.get(size); });
                read_file(message, at);
                at += size;
                ++buffers_read_;
                if (!to_parser_.push(std::move(message), size)) return;
            }
        }
        to_parser_.close();
    }

    void read_file(buffer& into, std::uint64_t offset) {
        for (std::size_t done = 0; done < into.size();) {
            const ssize_t got =
                ::pread(from_.descriptor(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) fail("reading the file");
            if (got == 0) throw std::runtime_error("the file became shorter while it was read");
            done += static_cast<std::size_t>(got);
        }
    }

    void parse() {
        stream_hash hash;
        std::uint64_t passes = 0;
        buffer carried;
        while (auto got = to_parser_.pop()) {
            buffer message = std::move(*got);
            hash.add(message.data(), message.size());
            const bool pass_ends = hash.total_bytes() == from_.pass_bytes();
            const std::size_t records_end = pass_ends ? message.size() : end_of_records(message);
            buffer unfinished;
            if (records_end < message.size())
                unfinished = timed(parser_times_.cut, passes >= plan_.warm_up_passes,
                                   [&] { return memory_.cut(message, records_end, copies_); });
            if (pass_ends) {
                if (hash.value() != from_.hash()) throw std::runtime_error("the file changed while it was read");
                hash = {};
                ++passes;
            }
            outgoing next{std::exchange(carried, std::move(unfinished)), std::move(message)};
            const std::size_t size = next.size();
            if (!to_writer_.push(std::move(next), size)) return;
        }
        to_writer_.close();
    }

    /// Where the last whole record (line) of a message ends; its size when what follows is too long to be carried over.
    static std::size_t end_of_records(const buffer& message) {
        const std::size_t searched = std::min(message.size(), tail_bytes_max);
        const std::byte* const first = message.data() + (message.size() - searched);
        const void* const newline = ::memrchr(first, '\n', searched);
        if (newline == nullptr) return message.size();
        return static_cast<std::size_t>(static_cast<const std::byte*>(newline) + 1 - message.data());
    }

    void write() {
        while (auto next = to_writer_.pop()) {
            if (plan_.made == fault::flip_byte && figures_.messages == 0) next->main.data()[0] ^= std::byte{1};
            send_message(*next);
            figures_.bytes_sent += next->size();
            ++figures_.messages;
            const bool warm = figures_.bytes_sent > plan_.warm_up_passes * from_.pass_bytes();
            if (next->carried) timed(writer_times_.give_back, warm, [&] { next->carried.reset(); });
            timed(writer_times_.give_back, warm, [&] { next->main.reset(); });
        }
        ::shutdown(connection_.sender(), SHUT_WR);
    }

    void send_message(outgoing& message) {
        frame_header header{message.size()};
        std::array<iovec, 3> parts{iovec{&header, sizeof header}, iovec{message.carried.data(), message.carried.size()},
                                   iovec{message.main.data(), message.main.size()}};
        msghdr request{};
        request.msg_iov = parts.data();
        request.msg_iovlen = parts.size();
        while (request.msg_iovlen > 0) {
            ssize_t sent = ::sendmsg(connection_.sender(), &request, MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent < 0) fail("sending");
            while (request.msg_iovlen > 0 && static_cast<std::size_t>(sent) >= request.msg_iov->iov_len) {
                sent -= static_cast<ssize_t>(request.msg_iov->iov_len);
                ++request.msg_iov;
                --request.msg_iovlen;
            }
            if (request.msg_iovlen > 0) {
                request.msg_iov->iov_base = static_cast<char*>(request.msg_iov->iov_base) + sent;
                request.msg_iov->iov_len -= static_cast<std::size_t>(sent);
            }
        }
    }

    void receive() {
        stream_hash hash;
        std::uint64_t passes = 0;
        frame_header header{};
        while (receive_exactly(&header, sizeof header)) {
            if (header.bytes > largest_message) throw std::runtime_error("a frame header arrived damaged");
            buffer message = timed(receiver_times_.get, passes >= plan_.warm_up_passes,
                                   [&] { return memory_.get(static_cast<std::size_t>(header.bytes)); });
            ++buffers_received_;
            if (!receive_exactly(message.data(), message.size())) throw std::runtime_error("the connection ended within a message");
            hash.add(message.data(), message.size());
            figures_.bytes_received += message.size();
            if (hash.total_bytes() >= from_.pass_bytes()) {
                if (hash.total_bytes() != from_.pass_bytes() || hash.value() != from_.hash()) ++figures_.passes_wrong;
                hash = {};
                if (++passes == plan_.warm_up_passes) warm_ = snapshot::take();
            }
            if (plan_.made == fault::keep_buffer && !kept_) kept_ = std::move(message);
            timed(receiver_times_.give_back, passes >= plan_.warm_up_passes, [&] { message.reset(); });
        }
    }

    /// False when the connection ended before the first byte.
    bool receive_exactly(void* into, std::size_t size) {
        for (std::size_t done = 0; done < size;) {
            const ssize_t got = ::recv(connection_.receiver(), static_cast<char*>(into) + done, size - done, MSG_WAITALL);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) fail("receiving");
            if (got == 0 && done == 0) return false;
            if (got == 0) throw std::runtime_error("the connection ended within a message");
            done += static_cast<std::size_t>(got);
        }
        return true;
    }

    /// Runs one thread's work; its failure ends the others and is the run's.
    template <class Work>
    void guarded(Work work) noexcept {
        try {
            work();
        } catch (...) {
            {
                const std::lock_guard lock(failure_mutex_);
                if (!failure_) failure_ = std::current_exception();
            }
            to_parser_.close();
            to_writer_.close();
            connection_.shut_down();
        }
    }

    void finish_figures() {
        const snapshot end = snapshot::take();
        figures_.seconds = std::chrono::duration<double>(end.when - warm_.when).count();
        figures_.cpu_seconds = end.cpu_seconds - warm_.cpu_seconds;
        figures_.measured_bytes = (plan_.passes - plan_.warm_up_passes) * from_.pass_bytes();
        figures_.warm_up_faults = warm_.minor_faults - start_.minor_faults;
        figures_.measured_faults = end.minor_faults - warm_.minor_faults;
        figures_.rss_peak_bytes = end.rss_peak_bytes;
        figures_.books = memory_.books();
        reader_times_.get.merge(receiver_times_.get);
        writer_times_.give_back.merge(receiver_times_.give_back);
        const auto summary = [](const latency_histogram& times) {
            return operation_times{static_cast<double>(times.percentile(0.5)), static_cast<double>(times.percentile(0.99)),
                                   static_cast<double>(times.max())};
        };
        figures_.get = summary(reader_times_.get);
        figures_.cut = summary(parser_times_.cut);
        figures_.give_back = summary(writer_times_.give_back);
        figures_.copies = copies_.copies;
        figures_.copied_bytes = copies_.bytes;
        figures_.buffers = buffers_read_ + buffers_received_;
        figures_.transport = connection_.transport();
    }

    static constexpr std::uint64_t largest_message = (std::uint64_t{4} << 20) + tail_bytes_max;

    const source& from_;
    const pipeline_plan plan_;
    snapshot start_;
    snapshot warm_;  // the receiver's: when the last pass of the warm-up had arrived
    Memory memory_;
    connection connection_;
    bounded_queue<buffer> to_parser_{queued_messages_max, queued_bytes_max};
    bounded_queue<outgoing> to_writer_{queued_messages_max, queued_bytes_max};
    thread_times reader_times_, parser_times_, writer_times_, receiver_times_;
    buffer kept_;                         // the receiver's
    copy_count copies_;                   // the parser's
    std::uint64_t buffers_read_ = 0;      // the reader's
    std::uint64_t buffers_received_ = 0;  // the receiver's
    pipeline_figures figures_;            // each field is one thread's until all have ended
    std::mutex failure_mutex_;
    std::exception_ptr failure_;
};

}  // namespace

pipeline_figures run_pipeline(const source& from, const pipeline_plan& plan) {
    if (plan.kind == memory_kind::malloc) return pipeline<malloc_memory>(from, plan).run();
    return pipeline<polder_memory>(from, plan).run();
}

}  // namespace tools::try_scenes
