// SPDX-License-Identifier: Apache-2.0
//
// Wrong on purpose: it does not say which message it expects.
int main() {
#if !defined(POLDER_CONTROL)
    int number = "text";
#endif
}
