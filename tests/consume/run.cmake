# Installs treadle into a scratch prefix, moves that prefix, and builds and runs the three programs beside this file.
# Variables: linkage (static, shared), source_dir, work_dir, generator, compiler, launcher, nm, pkg_config.
cmake_minimum_required(VERSION 3.25)
set(here ${CMAKE_CURRENT_LIST_DIR})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed (${result}): ${command}\n${output}")
  endif()
  set(run_output "${output}" PARENT_SCOPE)
endfunction()

function(run_program program)
  run(${program})
  if(NOT run_output MATCHES "1000 (tasks ran|bytes came through)")
    message(FATAL_ERROR "${program} printed: ${run_output}")
  endif()
  message(STATUS "${program}: ${run_output}")
endfunction()

file(REMOVE_RECURSE ${work_dir})
file(MAKE_DIRECTORY ${work_dir})
if(linkage STREQUAL "shared")
  set(shared ON)
else()
  set(shared OFF)
endif()
# Quick to compile: it is about where things lie.
set(common -G ${generator} -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_FLAGS_RELEASE=
           -D BUILD_SHARED_LIBS=${shared} -D TREADLE_BUILD_TOOLS=OFF)
if(launcher)
  list(APPEND common -D CMAKE_CXX_COMPILER_LAUNCHER=${launcher})
endif()

run(${CMAKE_COMMAND} -S ${source_dir} -B ${work_dir}/library ${common} -D TREADLE_BUILD_TESTS=OFF -D
    TREADLE_BUILD_EXAMPLES=OFF -D CMAKE_INSTALL_PREFIX=${work_dir}/first -D CMAKE_INSTALL_LIBDIR=lib)
run(${CMAKE_COMMAND} --build ${work_dir}/library)
run(${CMAKE_COMMAND} --install ${work_dir}/library)
set(prefix ${work_dir}/moved)
file(RENAME ${work_dir}/first ${prefix})
foreach(file IN ITEMS include/treadle/treadle.hpp lib/cmake/treadle/treadleConfig.cmake lib/pkgconfig/treadle.pc)
  if(NOT EXISTS ${prefix}/${file})
    message(FATAL_ERROR "not installed: ${file}")
  endif()
endforeach()

if(EXISTS ${prefix}/lib/pkgconfig/treadle-http.pc)
  set(has_http ON)
else()
  set(has_http OFF) # without libcurl the component is left out
endif()

run(${CMAKE_COMMAND} -S ${here}/find_package -B ${work_dir}/find_package ${common} -D CMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${work_dir}/find_package)
run_program(${work_dir}/find_package/program)
run_program(${work_dir}/find_package/io_program)
if(has_http)
  run_program(${work_dir}/find_package/http_program)
endif()

run(${CMAKE_COMMAND} -S ${here}/add_subdirectory -B ${work_dir}/add_subdirectory ${common} -D
    TREADLE_SOURCE_DIR=${source_dir})
run(${CMAKE_COMMAND} --build ${work_dir}/add_subdirectory)
run_program(${work_dir}/add_subdirectory/program)
run_program(${work_dir}/add_subdirectory/io_program)
if(has_http)
  run_program(${work_dir}/add_subdirectory/http_program)
endif()
if(EXISTS ${work_dir}/add_subdirectory/treadle/tests)
  message(FATAL_ERROR "treadle's own tests were configured inside another project")
endif()

if(pkg_config)
  set(mode "")
  if(NOT shared)
    set(mode --static)
  endif()
  run(${CMAKE_COMMAND} -E env CXX=${compiler} PKG_CONFIG=${pkg_config} PKG_CONFIG_MODE=${mode}
      PKG_CONFIG_PATH=${prefix}/lib/pkgconfig sh ${here}/pkg_config/build.sh treadle ${work_dir}/pkg_config_program
      ${here}/program.cpp)
  run(${CMAKE_COMMAND} -E env CXX=${compiler} PKG_CONFIG=${pkg_config} PKG_CONFIG_MODE=${mode}
      PKG_CONFIG_PATH=${prefix}/lib/pkgconfig sh ${here}/pkg_config/build.sh treadle-io
      ${work_dir}/pkg_config_io_program ${here}/io_program.cpp)
  if(has_http)
    run(${CMAKE_COMMAND} -E env CXX=${compiler} PKG_CONFIG=${pkg_config} PKG_CONFIG_MODE=${mode}
        PKG_CONFIG_PATH=${prefix}/lib/pkgconfig sh ${here}/pkg_config/build.sh treadle-http
        ${work_dir}/pkg_config_http_program ${here}/http_program.cpp)
  endif()
  set(ENV{LD_LIBRARY_PATH} ${prefix}/lib)
  run_program(${work_dir}/pkg_config_program)
  run_program(${work_dir}/pkg_config_io_program)
  if(has_http)
    run_program(${work_dir}/pkg_config_http_program)
  endif()
else()
  message(FATAL_ERROR "pkg-config is not installed (Debian: pkg-config)")
endif()

# Hidden visibility: a shared treadle shows nothing but treadle. Weak symbols are the standard library's templates.
if(shared AND nm)
  run(${nm} --dynamic --defined-only --demangle ${prefix}/lib/libtreadle.so)
  string(REGEX MATCHALL "[^\n]+" symbols "${run_output}")
  set(shown 0)
  foreach(symbol IN LISTS symbols)
    if(symbol MATCHES " [TDBR] ")
      if(NOT symbol MATCHES "treadle::")
        message(FATAL_ERROR "libtreadle.so exports ${symbol}")
      endif()
      math(EXPR shown "${shown} + 1")
    endif()
  endforeach()
  if(shown EQUAL 0)
    message(FATAL_ERROR "libtreadle.so exports nothing")
  endif()
endif()
