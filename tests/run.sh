#!/bin/sh
# run.sh: installs what the tests need, builds and runs all of them, and says how many passed.
#
#     sh tests/run.sh           gcc and clang, each plain and with address and undefined-behaviour
#                               sanitizers
#     sh tests/run.sh quick     gcc, plain
#
# Builds in build-tests/. The last line is `N passed, N failed`, summed over the configurations;
# exits with 1 if anything failed, did not build, or if a configuration ran no test.
set -eu
cd "$(dirname "$0")/.."
. tests/packages.sh

case "${1-}" in
"" | quick) ;;
*)
    echo "usage: sh tests/run.sh [quick]" >&2
    exit 2
    ;;
esac
quick=${1-}

# Whether a compiler makes programs with the sanitizers.
sanitizes()
{
    program=$(mktemp) || return 1
    echo 'int main(void) { return 0; }' |
        "$1" -fsanitize=address,undefined -x c - -o "$program" 2>/dev/null
    status=$?
    rm -f "$program"
    return $status
}

# The package with clang's sanitizers carries the version of the clang that is there.
clang_runtime()
{
    version=$(clang -dumpversion 2>/dev/null) || version=
    echo "libclang-rt-${version:+${version%%.*}-}dev"
}

needs()
{
    need_to_build
    need gcc "gcc" command -v gcc
    need g++ "a C++ compiler" command -v g++
    need clang "clang" command -v clang
    need libcriterion-dev "Criterion" has_header criterion/criterion.h
    need binutils "nm and readelf" command -v nm
    need libnlopt-dev "NLopt" has_header nlopt.h
    need libgsl-dev "GSL" has_header gsl/gsl_multiroots.h
    need libjansson-dev "jansson" pkg-config jansson
    need liblapack-dev "LAPACK" pkg-config lapack
    need libopenblas-dev "OpenBLAS" pkg-config openblas
    if [ -z "$quick" ]; then
        need "$(clang_runtime)" "clang's sanitizers" sanitizes clang
    fi
}

install_needs

mkdir -p build-tests
passed=0
failed=0

# run NAME COMPILER OPTION...: one configuration, one line.
run()
{
    name=$1
    compiler=$2
    shift 2
    dir=build-tests/$name
    log=build-tests/$name.log
    started=$(date +%s)
    rm -rf "$dir"
    if CC=$compiler meson setup "$dir" -Dtests=enabled -Dzlib=enabled "$@" >"$log" 2>&1 &&
        ninja -C "$dir" >>"$log" 2>&1; then
        status=0
        meson test -C "$dir" --no-rebuild >>"$log" 2>&1 || status=$?
        counts=$(python3 -B tests/count.py "$status" "$dir/meson-logs/testlog.json")
    else
        tail -n 30 "$log"
        counts="0 1 does not build; see $log"
    fi
    # shellcheck disable=SC2086 # passed, failed, words
    set -- $counts
    passed=$((passed + $1))
    failed=$((failed + $2))
    line="$name: $1 passed, $2 failed ($(($(date +%s) - started)) s)"
    shift 2
    echo "$line${1:+, $*}"
}

# Optimizing further finds no more and takes twice as long to build.
sanitize="-Ddebug=true -Doptimization=1 -Db_sanitize=address,undefined"
sanitize="$sanitize -Dc_args=-fno-sanitize-recover=all"
run gcc gcc --werror -Dlapack=enabled -Dcblas=enabled
if [ -z "$quick" ]; then
    run clang clang --werror -Dlapack=disabled -Dcblas=disabled
    # With sanitizers gcc warns, as it says itself, of what is not there.
    # shellcheck disable=SC2086 # a list of options
    run gcc-sanitized gcc $sanitize
    # shellcheck disable=SC2086
    run clang-sanitized clang $sanitize --werror -Db_lundef=false
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
