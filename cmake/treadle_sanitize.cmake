# A sanitizer must see every object of the program, so this is the one option that is set for whole directories.
if(TREADLE_SANITIZE)
  if(NOT TREADLE_SANITIZE MATCHES "^(thread|address|undefined|address,undefined)$")
    message(FATAL_ERROR "TREADLE_SANITIZE is \"${TREADLE_SANITIZE}\"; it can be thread, address, undefined or "
                        "address,undefined")
  endif()
  add_compile_options(-fsanitize=${TREADLE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TREADLE_SANITIZE})
endif()
