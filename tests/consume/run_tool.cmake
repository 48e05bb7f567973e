# Installs this build into a scratch prefix and runs the installed command. Variables: build_dir, work_dir, version.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${work_dir})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${build_dir} --prefix ${work_dir} OUTPUT_QUIET
                        COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${work_dir}/bin/treadle --version OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
string(FIND "${output}" "${version}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "bin/treadle --version printed: ${output}")
endif()
message(STATUS "${output}")
