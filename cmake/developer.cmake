# SPDX-License-Identifier: Apache-2.0
#
# What only developers of polder want: warnings as errors, sanitizers, coverage. None of it reaches a consumer.

set(CMAKE_EXPORT_COMPILE_COMMANDS ${POLDER_DEVELOPER})

if(POLDER_DEVELOPER AND POLDER_SANITIZE)
    add_compile_options(-fsanitize=${POLDER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${POLDER_SANITIZE})
    if(POLDER_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-Wno-tsan)  # "atomic_thread_fence is not supported": true, and no reason to stop
    endif()
endif()
if(POLDER_DEVELOPER AND POLDER_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic)
    add_link_options(--coverage)
endif()

# polder_own(<target>): this target is our own code. C++20 without extensions, and in developer mode all warnings.
function(polder_own target)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    if(POLDER_DEVELOPER)
        target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic $<$<BOOL:${POLDER_WERROR}>:-Werror>)
        if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
            target_compile_options(${target} PRIVATE -Wno-restrict)  # gcc bug 105651: false alarms in "text" + std::string
        endif()
    endif()
endfunction()
