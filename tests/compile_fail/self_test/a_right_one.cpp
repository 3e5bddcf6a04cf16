// SPDX-License-Identifier: Apache-2.0
// expect: deleted
//
// The positive control of the script: a correct test of something that does not compile.
struct only_one {
    only_one() = default;
    only_one(const only_one&) = delete;
};

int main() {
    only_one first;
#if !defined(POLDER_CONTROL)
    only_one second = first;
#endif
    (void)first;
}
