# shellcheck shell=sh
# packages.sh: finds what is missing on this machine and installs it through apt-get; read by
# tests/run.sh and examples/demo.sh. POSIX sh.
#
#     needs()
#     {
#         need gcc "a C compiler" command -v cc
#         need zlib1g-dev "zlib with its headers" has_header zlib.h
#     }
#     install_needs

missing_packages=
missing_things=

# need PACKAGE THING COMMAND...: the command succeeds where Debian's PACKAGE, in words THING, is not
# missing.
need()
{
    package=$1
    thing=$2
    shift 2
    "$@" >/dev/null 2>&1 && return 0
    missing_packages="$missing_packages $package"
    missing_things="${missing_things:+$missing_things, }$thing"
}

# Whether the C compiler finds a header.
has_header()
{
    printf '#include <stddef.h>\n#include <%s>\n' "$1" | cc -E - >/dev/null 2>&1
}

# Whether meson is there and 1.0 or newer.
has_meson()
{
    version=$(meson --version) && [ "${version%%.*}" -ge 1 ]
}

# What every build needs. Python comes with meson.
need_to_build()
{
    need gcc "a C compiler" command -v cc
    need libc6-dev "the C library's headers" has_header stdlib.h
    need meson "meson 1.0 or newer" has_meson
    need ninja-build "ninja" command -v ninja
    need pkg-config "pkg-config" command -v pkg-config
    need uthash-dev "uthash" has_header uthash.h
    need zlib1g-dev "zlib with its headers" has_header zlib.h
}

look_for_needs()
{
    missing_packages=
    missing_things=
    needs
}

# apt-get as root, directly or through sudo.
apt()
{
    if [ "$(id -u)" -eq 0 ]; then
        DEBIAN_FRONTEND=noninteractive apt-get "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive apt-get "$@"
    fi
}

# The list of packages is fetched only where it does not know what is asked for, or is too old to
# install it from.
install_packages()
{
    options="install -y -q --no-install-recommends"
    # shellcheck disable=SC2086 # a list of options
    {
        apt-get $options --simulate "$@" && apt $options "$@" ||
            { apt update -q && apt $options "$@"; }
    } 2>&1
}

# Installs what `needs` misses; exits with one message where that is not possible.
install_needs()
{
    look_for_needs
    [ -n "$missing_packages" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "Missing: $missing_things. There is no apt-get here: please install them." >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        echo "Missing: $missing_things. As root: apt-get install$missing_packages" >&2
        exit 1
    fi
    echo "Installing:$missing_packages"
    # shellcheck disable=SC2086 # a list of names
    if ! said=$(install_packages $missing_packages); then
        echo "$said" >&2
        echo "apt-get could not install:$missing_packages" >&2
        exit 1
    fi
    look_for_needs
    if [ -n "$missing_things" ]; then
        echo "Still missing after apt-get: $missing_things." >&2
        exit 1
    fi
}
