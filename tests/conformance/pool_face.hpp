// SPDX-License-Identifier: Apache-2.0
//
// How a face of an arena presents itself to the pool suite: an adapter of a dozen static functions. See pool_suite.hpp.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "polder/base/error.hpp"
#include "polder/base/units.hpp"
#include "polder/observe/stats.hpp"
#include "support/marks.hpp"
#include "support/random.hpp"
#include "support/scale.hpp"
#include "support/stats_checks.hpp"

namespace polder::test {

/// What every face can be told. A face may give a pool more room than asked for, never less.
struct pool_settings {
    std::string name = "suite";
    std::size_t committed_bytes_max = 256_MiB;
    std::size_t idle_bytes_max = 256_MiB;
};

template <typename Face>
concept pool_face = requires(typename Face::pool& pool, typename Face::handle& handle, std::size_t size, std::error_code& error) {
    requires std::movable<typename Face::handle> && std::default_initializable<typename Face::handle>;
    requires !std::copyable<typename Face::handle>;
    { Face::make(pool_settings{}) } -> std::same_as<std::unique_ptr<typename Face::pool>>;  // throws polder::error
    { Face::acquire(pool, size) } -> std::same_as<typename Face::handle>;                   // throws polder::error
    { Face::try_acquire(pool, size, error) } -> std::same_as<typename Face::handle>;        // does not
    { Face::bytes(handle) } -> std::same_as<std::span<std::byte>>;                          // empty when it owns nothing
    {Face::release(handle)};                                                                // harmless on an empty handle
    { Face::counts(pool) } -> std::same_as<pool_stats>;
    { Face::trim(pool, size) } -> std::same_as<std::size_t>;
    {Face::drain(pool)};
    { Face::sizes() } -> std::same_as<std::vector<std::size_t>>;  // what the face serves, ascending; one size for pools of objects
    { Face::handles_outlive_pool } -> std::convertible_to<bool>;
};

/// What the parts of the suite share.
template <pool_face Face>
class PoolSuite : public ::testing::Test {
protected:
    using pool_type = typename Face::pool;
    using handle = typename Face::handle;
    static constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

    /// A handle with a mark in its bytes.
    struct owned {
        handle bytes;
        std::uint64_t key = 0;

        void renew(std::uint64_t with) {
            key = with;
            mark(Face::bytes(bytes), key);
        }
        bool is_intact() { return is_marked(Face::bytes(bytes), key); }
    };

    static owned marked(pool_type& pool, std::size_t size, std::uint64_t key) {
        owned made{Face::acquire(pool, size), 0};
        made.renew(key);
        return made;
    }
    static void expect_intact(owned& o) {
        EXPECT_TRUE(o.is_intact()) << "key " << o.key << ", " << Face::bytes(o.bytes).size() << " bytes";
    }

    /// One of the face's sizes that is at most `most`.
    static std::size_t some_size(random& random, std::size_t most) {
        static const std::vector<std::size_t> sizes = Face::sizes();
        const auto end = std::upper_bound(sizes.begin(), sizes.end(), most);
        return sizes[random.below(static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(end - sizes.begin(), 1)))];
    }
    /// The face's largest size that is at most `most`.
    static std::size_t size_near(std::size_t most) {
        static const std::vector<std::size_t> sizes = Face::sizes();
        const auto end = std::upper_bound(sizes.begin(), sizes.end(), most);
        return end == sizes.begin() ? sizes.front() : *(end - 1);
    }
    static bool has_one_size() { return Face::sizes().size() == 1; }

    /// As many handles of `size` as the pool will give.
    static std::vector<handle> until_exhausted(pool_type& pool, std::size_t size) {
        std::vector<handle> all;
        for (;;) {
            std::error_code error;
            handle h = Face::try_acquire(pool, size, error);
            if (error) {
                EXPECT_EQ(error, errc::exhausted);
                return all;
            }
            all.push_back(std::move(h));
        }
    }
};

}  // namespace polder::test
