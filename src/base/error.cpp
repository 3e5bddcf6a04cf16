// SPDX-License-Identifier: Apache-2.0
#include "polder/base/error.hpp"

namespace polder {
namespace {

class polder_category final : public std::error_category {
public:
    const char* name() const noexcept override { return "polder"; }

    std::string message(int code) const override {
        switch (static_cast<errc>(code)) {
            case errc::exhausted:
                return "a limit of the pool was reached";
            case errc::out_of_memory:
                return "the operating system refused memory";
            case errc::invalid_size:
                return "a size that no pool of these options can serve";
            case errc::invalid_alignment:
                return "the alignment is no power of two or exceeds 4 MiB";
            case errc::invalid_option:
                return "options that contradict each other";
        }
        return "unknown error";
    }

    std::error_condition default_error_condition(int code) const noexcept override {
        switch (static_cast<errc>(code)) {
            case errc::exhausted:
                return std::errc::no_buffer_space;
            case errc::out_of_memory:
                return std::errc::not_enough_memory;
            case errc::invalid_size:
            case errc::invalid_alignment:
            case errc::invalid_option:
                return std::errc::invalid_argument;
        }
        return {code, *this};
    }
};

}  // namespace

const std::error_category& error_category() noexcept {
    // Never destroyed: a pool may fail during static destruction.
    static const auto& category = *new polder_category;
    return category;
}

}  // namespace polder
