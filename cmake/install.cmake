# SPDX-License-Identifier: Apache-2.0
#
# What an installation consists of: library, headers, CMake package, pkg-config file, licence, and the command if it was built.

include(CMakePackageConfigHelpers)

get_property(integrations GLOBAL PROPERTY POLDER_INTEGRATIONS)
list(TRANSFORM integrations PREPEND polder_ OUTPUT_VARIABLE integration_targets)
install(TARGETS polder ${integration_targets} EXPORT polder-targets)

install(DIRECTORY "${polder_SOURCE_DIR}/include/polder" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
install(FILES "${polder_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
if(TARGET polder_command)
    install(TARGETS polder_command)
endif()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/polder")
install(EXPORT polder-targets NAMESPACE polder:: DESTINATION "${package_dir}")
configure_package_config_file("${polder_SOURCE_DIR}/cmake/polder-config.cmake.in"
    "${polder_BINARY_DIR}/polder-config.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${polder_BINARY_DIR}/polder-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${polder_BINARY_DIR}/polder-config.cmake" "${polder_BINARY_DIR}/polder-config-version.cmake"
        DESTINATION "${package_dir}")

# The pkg-config file finds its prefix from its own place, so that an installed tree may be moved.
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_LIBDIR BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" NORMALIZE OUTPUT_VARIABLE libdir)
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_INCLUDEDIR BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" NORMALIZE OUTPUT_VARIABLE includedir)
file(RELATIVE_PATH POLDER_PC_PREFIX "${libdir}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
file(RELATIVE_PATH POLDER_PC_LIBDIR "${CMAKE_INSTALL_PREFIX}" "${libdir}")
file(RELATIVE_PATH POLDER_PC_INCLUDEDIR "${CMAKE_INSTALL_PREFIX}" "${includedir}")
string(REGEX REPLACE "/$" "" POLDER_PC_PREFIX "${POLDER_PC_PREFIX}")
set(POLDER_PC_DEFINITIONS "-DPOLDER_CHECKED=$<BOOL:${POLDER_CHECKED}>$<$<BOOL:${POLDER_NO_RSEQ}>: -DPOLDER_NO_RSEQ=1>")
configure_file("${polder_SOURCE_DIR}/cmake/polder.pc.in" "${polder_BINARY_DIR}/polder.pc.configured" @ONLY)
file(GENERATE OUTPUT "${polder_BINARY_DIR}/polder.pc" INPUT "${polder_BINARY_DIR}/polder.pc.configured")
install(FILES "${polder_BINARY_DIR}/polder.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
