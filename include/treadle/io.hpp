#pragma once

/// Sockets and other descriptors, waited for by the pool's own workers: a component of its own, `treadle::io`.
#include <treadle/io/address.hpp>
#include <treadle/io/backend.hpp>
#include <treadle/io/connect.hpp>
#include <treadle/io/datagram.hpp>
#include <treadle/io/descriptor.hpp>
#include <treadle/io/directory.hpp>
#include <treadle/io/directory_entry.hpp>
#include <treadle/io/file.hpp>
#include <treadle/io/file_status.hpp>
#include <treadle/io/limiter.hpp>
#include <treadle/io/listen_options.hpp>
#include <treadle/io/listener.hpp>
#include <treadle/io/operation.hpp>
#include <treadle/io/pipe.hpp>
#include <treadle/io/recv_stream.hpp>
#include <treadle/io/resolve.hpp>
#include <treadle/io/socket_option.hpp>
#include <treadle/io/stream.hpp>
#include <treadle/io/walk.hpp>
