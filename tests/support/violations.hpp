// SPDX-License-Identifier: Apache-2.0
//
// Collects violations instead of dying of them, for as long as the object lives.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "polder/observe/violation.hpp"

namespace polder::test {

/// A violation whose strings are copies.
struct seen_violation {
    violation what;
    std::string pool;
    std::string other_pool;
    std::string text;
};

class violation_recorder {
public:
    violation_recorder() : before_(set_violation_handler(&record)) { clear(); }
    ~violation_recorder() { set_violation_handler(before_); }
    violation_recorder(const violation_recorder&) = delete;
    violation_recorder& operator=(const violation_recorder&) = delete;

    void clear() {
        const std::lock_guard guard(store().mutex);
        store().seen.clear();
    }
    std::size_t count() const {
        const std::lock_guard guard(store().mutex);
        return store().seen.size();
    }
    std::size_t count(violation_kind kind) const {
        const std::lock_guard guard(store().mutex);
        return static_cast<std::size_t>(std::count_if(store().seen.begin(), store().seen.end(),
                                                      [kind](const seen_violation& v) { return v.what.kind == kind; }));
    }
    /// The last one; an empty value when there was none.
    seen_violation last() const {
        const std::lock_guard guard(store().mutex);
        return store().seen.empty() ? seen_violation{} : store().seen.back();
    }

private:
    struct shared_store {
        std::mutex mutex;
        std::vector<seen_violation> seen;
    };
    static shared_store& store() {
        static auto& value = *new shared_store;
        return value;
    }
    static void record(const violation& what) {
        seen_violation copy{what, what.pool, what.other_pool, describe(what)};
        copy.what.pool = "";
        copy.what.other_pool = "";
        const std::lock_guard guard(store().mutex);
        store().seen.push_back(std::move(copy));
    }

    violation_handler before_;
};

}  // namespace polder::test
