// SPDX-License-Identifier: Apache-2.0
// expect: deleted
//
// Wrong on purpose: it does not compile without its mistake either.
int main() { return no_such_name; }
