# Finds liburing and makes the target liburing::liburing. Installed beside treadleConfig.cmake: who links the archive of
# treadle_io links it, too.
find_path(LIBURING_INCLUDE_DIR liburing.h)
find_library(LIBURING_LIBRARY uring)
mark_as_advanced(LIBURING_INCLUDE_DIR LIBURING_LIBRARY)
# From 2.3 on: what another thread has begun can be cancelled.
set(LIBURING_CANCELS "")
if(LIBURING_INCLUDE_DIR)
  file(STRINGS "${LIBURING_INCLUDE_DIR}/liburing/io_uring.h" LIBURING_CANCELS REGEX "IORING_REGISTER_SYNC_CANCEL"
       LIMIT_COUNT 1)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  liburing
  REQUIRED_VARS LIBURING_LIBRARY LIBURING_INCLUDE_DIR LIBURING_CANCELS
  REASON_FAILURE_MESSAGE "liburing 2.3 or later is needed")
if(liburing_FOUND AND NOT TARGET liburing::liburing)
  add_library(liburing::liburing UNKNOWN IMPORTED)
  set_target_properties(liburing::liburing PROPERTIES IMPORTED_LOCATION "${LIBURING_LIBRARY}"
                                                      INTERFACE_INCLUDE_DIRECTORIES "${LIBURING_INCLUDE_DIR}")
endif()
