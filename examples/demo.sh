#!/bin/sh
# demo.sh: builds the library and shows what it does.
#
#     sh examples/demo.sh
#
# Installs what is missing through apt-get, builds in build-demo/, runs four examples, and writes
# the loss curve of a training into out/. Changes nothing else.
set -eu
cd "$(dirname "$0")/.."
. tests/packages.sh

stage="the installation of packages"
finish()
{
    status=$?
    if [ "$status" -ne 0 ]; then
        echo "The demo stopped in $stage (status $status)." >&2
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

needs()
{
    need_to_build
}

# show TITLE PROGRAM ARGUMENT...
show()
{
    stage=$1
    shift
    printf '\n== %s ==\n\n' "$stage"
    "$@"
}

# Builds the library and the examples; shows what the build said only if it fails.
build()
{
    log=build-demo/log.txt
    rm -rf build-demo
    mkdir build-demo
    if ! { meson setup build-demo --buildtype=release -Dtests=disabled &&
        ninja -C build-demo; } >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        return 1
    fi
    echo "Built with $(cc --version | head -n 1)."
}

install_needs
examples=build-demo/examples
show "building, optimised, in build-demo/" build
show "gradients of f = (x + y) z at (-2, 5, -4)" "$examples/quickstart"
show "back-propagation, step by step" "$examples/step_by_step"
show "gradient checks" "$examples/gradient_check"
mkdir -p out
show "training: images of digits" "$examples/digits" --out out/digits-loss.svg

printf '\nThe picture is %s/out/digits-loss.svg; any browser shows it.\n' "$PWD"
