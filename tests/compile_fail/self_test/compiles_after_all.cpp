// SPDX-License-Identifier: Apache-2.0
// expect: deleted
//
// Wrong on purpose: nothing here fails to compile.
int main() {}
