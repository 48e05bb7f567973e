#!/bin/sh
# build.sh PACKAGE PROGRAM SOURCE: builds with nothing but a compiler ($CXX) and pkg-config ($PKG_CONFIG).
set -eu
cflags=$("$PKG_CONFIG" --cflags "$1")
libs=$("$PKG_CONFIG" --libs ${PKG_CONFIG_MODE:+"$PKG_CONFIG_MODE"} "$1")
# shellcheck disable=SC2086 # the flags are words
"$CXX" -std=c++20 -O2 $cflags "$3" -o "$2" $libs
