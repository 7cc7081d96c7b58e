#!/bin/sh
# Installs what the build and the tests need and this machine lacks: with apt-get as root or through password-less sudo;
# otherwise prints the command and stops.
set -eu

missing=""
need() { missing="$missing $1"; }

have() { command -v "$1" >/dev/null 2>&1; }
have_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    # libclang-cpp.so, which LLVM brings on its own, is another library
    ls /usr/lib/llvm-*/lib/libclang.so* /usr/lib/llvm-*/lib/libclang-[0-9]*.so* /usr/lib64/libclang.so* \
        /usr/lib/*/libclang.so* /usr/lib/*/libclang-[0-9]*.so* \
        /Library/Developer/CommandLineTools/usr/lib/libclang.dylib /opt/homebrew/opt/llvm/lib/libclang.dylib \
        2>/dev/null | grep -q .
}

if ! have cargo; then
    echo "error: cargo was not found; install Rust 1.89 or newer (rustup.rs) and run this again" >&2
    exit 1
fi
{ have c++ && have make; } || need build-essential
have cmake || need cmake
have_libclang || need libclang-dev
{ have python3 && python3 -m pip --version >/dev/null 2>&1; } || need "python3 python3-pip"

[ -z "$missing" ] && exit 0

command="apt-get install -y --no-install-recommends$missing"
if ! have apt-get; then
    echo "error: missing:$missing (names of Debian packages); install them with this system's package manager" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif have sudo && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "error: missing:$missing; as root, run: apt-get update && $command" >&2
    exit 1
fi
echo "installing:$missing" >&2
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root $command >/dev/null
