# treadle_warnings(<target>): the warnings that all code of this repository is held to.
function(treadle_warnings target)
  target_compile_options(
    ${target}
    PRIVATE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wsign-conversion
            -Wcast-align
            -Wcast-qual
            -Wdouble-promotion
            -Wextra-semi
            -Wformat=2
            -Wimplicit-fallthrough
            -Wnon-virtual-dtor
            -Woverloaded-virtual
            -Wundef
            $<$<BOOL:${TREADLE_WERROR}>:-Werror>)
endfunction()

# treadle_program(<target> <source>...): an executable of this repository that uses treadle.
function(treadle_program target)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE treadle::treadle)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  treadle_warnings(${target})
endfunction()
