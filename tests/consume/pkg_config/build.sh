#!/bin/sh
# build.sh PROGRAM SOURCE: builds with nothing but a compiler ($CXX) and pkg-config ($PKG_CONFIG).
set -eu
cflags=$("$PKG_CONFIG" --cflags treadle)
libs=$("$PKG_CONFIG" --libs ${PKG_CONFIG_MODE:+"$PKG_CONFIG_MODE"} treadle)
# shellcheck disable=SC2086 # the flags are words
"$CXX" -std=c++20 -O2 $cflags "$2" -o "$1" $libs
