include(CMakePackageConfigHelpers)

set(treadle_libraries treadle treadle_io)
if(TARGET treadle_http)
  list(APPEND treadle_libraries treadle_http)
endif()
install(
  TARGETS ${treadle_libraries}
  EXPORT treadleTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(
  DIRECTORY ${PROJECT_SOURCE_DIR}/include/treadle
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING
  PATTERN "*.hpp")

set(treadle_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/treadle)
# Who links the archive of treadle_io links liburing, too; the shared library has it in itself.
set(treadle_needs_liburing "")
if(liburing_FOUND AND NOT BUILD_SHARED_LIBS)
  string(CONCAT treadle_needs_liburing "list(APPEND CMAKE_MODULE_PATH \"\${CMAKE_CURRENT_LIST_DIR}\")\n"
                "find_dependency(liburing)\n" "list(POP_BACK CMAKE_MODULE_PATH)\n")
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/Findliburing.cmake DESTINATION ${treadle_package_dir})
endif()
# The same of libcurl.
set(treadle_needs_curl "")
if(TARGET treadle_http AND NOT BUILD_SHARED_LIBS)
  set(treadle_needs_curl "find_dependency(CURL)\n")
endif()
install(EXPORT treadleTargets NAMESPACE treadle:: DESTINATION ${treadle_package_dir})
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/treadleConfig.cmake.in ${PROJECT_BINARY_DIR}/treadleConfig.cmake
  INSTALL_DESTINATION ${treadle_package_dir})
# Before 1.0 a new minor version may break programs.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/treadleConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/treadleConfig.cmake ${PROJECT_BINARY_DIR}/treadleConfigVersion.cmake
        DESTINATION ${treadle_package_dir})

# The prefix in the .pc file is found from where that file lies, so that an installed tree can be moved.
set(treadle_pc_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(treadle_pc_prefix "${CMAKE_INSTALL_PREFIX}")
  set(treadle_pc_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
  set(treadle_pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
  file(RELATIVE_PATH treadle_pc_up "${treadle_pc_dir}" "${CMAKE_INSTALL_PREFIX}")
  string(REGEX REPLACE "/$" "" treadle_pc_up "${treadle_pc_up}")
  set(treadle_pc_prefix "\${pcfiledir}/${treadle_pc_up}")
  set(treadle_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(treadle_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
if(BUILD_SHARED_LIBS)
  set(treadle_pc_cflags " -DTREADLE_SHARED")
  set(treadle_pc_libs "")
  set(treadle_pc_libs_private "-pthread")
  set(treadle_pc_io_libs "")
else()
  # Who links the archive needs the thread library too, with or without --static.
  set(treadle_pc_cflags "")
  set(treadle_pc_libs " -pthread")
  set(treadle_pc_io_libs "")
  if(liburing_FOUND)
    set(treadle_pc_io_libs " -luring")
  endif()
  set(treadle_pc_libs_private "-pthread")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/treadle.pc.in ${PROJECT_BINARY_DIR}/treadle.pc @ONLY)
configure_file(${PROJECT_SOURCE_DIR}/cmake/treadle-io.pc.in ${PROJECT_BINARY_DIR}/treadle-io.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/treadle.pc ${PROJECT_BINARY_DIR}/treadle-io.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET treadle_http)
  # Who links the archive links libcurl, too; the shared library has it in itself.
  set(treadle_pc_http_libs "")
  if(NOT BUILD_SHARED_LIBS)
    set(treadle_pc_http_libs " -lcurl") # not as its package, whose private libraries are those of its archive
  endif()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/treadle-http.pc.in ${PROJECT_BINARY_DIR}/treadle-http.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/treadle-http.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

if(TREADLE_BUILD_TOOLS AND TARGET treadle_tool)
  set_target_properties(treadle_tool PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS treadle_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # The command itself knows its manual page and how it is completed.
  foreach(page IN ITEMS man completion)
    install(CODE "execute_process(COMMAND \"$<TARGET_FILE:treadle_tool>\" ${page} COMMAND_ERROR_IS_FATAL ANY
                                  OUTPUT_FILE \"${PROJECT_BINARY_DIR}/treadle.${page}\")")
  endforeach()
  install(FILES ${PROJECT_BINARY_DIR}/treadle.man DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 RENAME treadle.1)
  install(FILES ${PROJECT_BINARY_DIR}/treadle.completion
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME treadle)
endif()
