#pragma once

/// An HTTP client on the workers of a pool, over libcurl: a component of its own, `treadle::http`.
#include <treadle/http/call.hpp>
#include <treadle/http/client.hpp>
#include <treadle/http/client_options.hpp>
#include <treadle/http/errc.hpp>
#include <treadle/http/failure.hpp>
#include <treadle/http/headers.hpp>
#include <treadle/http/request.hpp>
#include <treadle/http/request_options.hpp>
#include <treadle/http/response.hpp>
#include <treadle/http/stream.hpp>
