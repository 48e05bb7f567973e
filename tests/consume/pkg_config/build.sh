#!/bin/sh
# build.sh PROGRAM SOURCE: builds with nothing but a compiler ($CXX) and pkg-config ($PKG_CONFIG).
set -eu
# shellcheck disable=SC2046 # the flags are words
"$CXX" -std=c++20 -O2 $("$PKG_CONFIG" --cflags treadle) "$2" -o "$1" $("$PKG_CONFIG" --libs ${PKG_CONFIG_MODE:-} treadle)
