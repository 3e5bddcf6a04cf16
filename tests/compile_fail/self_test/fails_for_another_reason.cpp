// SPDX-License-Identifier: Apache-2.0
// expect: deleted function
//
// Wrong on purpose: it is refused, but the message is not the expected one.
int main() {
#if !defined(POLDER_CONTROL)
    int number = "text";
#endif
}
