// SPDX-License-Identifier: Apache-2.0
//
// Expected failures: what can go wrong without anybody having made a mistake in code.
//
// Each failure has a code (`errc`, usable as a std::error_code) and an exception type. The exceptions derive from a standard
// exception *and* from `polder::error`, so that both `catch (const std::exception&)` and `catch (const polder::error&)` work.
// Misuse (a double release, a foreign pointer …) is not an error: see observe/violation.hpp.
#pragma once

#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace polder {

enum class errc {
    exhausted = 1,      ///< a limit of ours said no
    out_of_memory,      ///< the operating system said no
    invalid_size,       ///< a size of 0, or one that no setting could ever serve
    invalid_alignment,  ///< not a power of two, or larger than 4 MiB
    invalid_option,     ///< options that contradict each other
};

/// The category of `errc`; its name is "polder".
const std::error_category& error_category() noexcept;

inline std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), error_category()}; }

/// One line of "who holds the memory": all buffers out of one tier of one pool.
struct holder {
    std::string name;            ///< the pool and its tier, for example "images, tier 64 KiB"
    std::size_t in_use_bytes{};  ///< slot bytes out
    std::size_t buffers{};       ///< how many
};

/// What an error knows besides its text. A field that does not apply is 0 or empty.
struct error_details {
    std::string pool;             ///< name of the pool
    std::size_t request_bytes{};  ///< what was asked for
    std::size_t limit_bytes{};    ///< the limit that said no
    std::size_t in_use_bytes{};   ///< slot bytes out of the pool at that moment
    std::string setting;          ///< the option to change
    std::vector<holder> holders;  ///< the biggest holders first, at most three
};

/// What every exception of polder is. Thread-safe to read; owns its strings.
class error {
public:
    virtual ~error() = default;
    /// The same failure as a code.
    std::error_code code() const noexcept { return make_error_code(code_); }
    const error_details& details() const noexcept { return details_; }

protected:
    error(errc code, error_details details) : code_(code), details_(std::move(details)) {}
    error(const error&) = default;
    error& operator=(const error&) = default;

private:
    errc code_;
    error_details details_;
};

/// A limit of the pool was reached; nothing changed.
class exhausted : public std::runtime_error, public error {
public:
    exhausted(const std::string& message, error_details details)
        : std::runtime_error(message), error(errc::exhausted, std::move(details)) {}
};

/// The operating system refused memory; nothing changed.
class out_of_memory : public std::bad_alloc, public error {
public:
    out_of_memory(std::string message, error_details details)
        : error(errc::out_of_memory, std::move(details)), message_(std::move(message)) {}
    const char* what() const noexcept override { return message_.c_str(); }

private:
    std::string message_;
};

/// A size of 0, or larger than the pool could ever serve.
class invalid_size : public std::invalid_argument, public error {
public:
    invalid_size(const std::string& message, error_details details)
        : std::invalid_argument(message), error(errc::invalid_size, std::move(details)) {}
};

/// An alignment that is no power of two or exceeds 4 MiB.
class invalid_alignment : public std::invalid_argument, public error {
public:
    invalid_alignment(const std::string& message, error_details details)
        : std::invalid_argument(message), error(errc::invalid_alignment, std::move(details)) {}
};

/// Options that contradict each other; thrown by constructors only.
class invalid_option : public std::invalid_argument, public error {
public:
    invalid_option(const std::string& message, error_details details)
        : std::invalid_argument(message), error(errc::invalid_option, std::move(details)) {}
};

}  // namespace polder

template <>
struct std::is_error_code_enum<polder::errc> : std::true_type {};
