#pragma once

/// Sockets and other descriptors, waited for by the pool's own workers: a component of its own, `treadle::io`.
#include <treadle/io/address.hpp>
#include <treadle/io/descriptor.hpp>
#include <treadle/io/listener.hpp>
#include <treadle/io/stream.hpp>
