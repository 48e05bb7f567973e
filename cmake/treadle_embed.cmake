# Makes a header of string_views from files. Run as a script:
# cmake -D OUT=x.hpp -D NAMESPACE=ns -D "FILES=a.css|b.js" -P treadle_embed.cmake; a.css becomes ns::a_css.
string(REPLACE "|" ";" names "${FILES}")
set(text "#pragma once\n\n#include <string_view>\n\nnamespace ${NAMESPACE} {\n\n")
foreach(name IN LISTS names)
  file(READ "${name}" content)
  cmake_path(GET name FILENAME symbol)
  string(MAKE_C_IDENTIFIER "${symbol}" symbol)
  string(APPEND text "inline constexpr std::string_view ${symbol} = R\"embedded(${content})embedded\";\n\n")
endforeach()
file(WRITE "${OUT}" "${text}}  // namespace ${NAMESPACE}\n")
