#!/usr/bin/env bash
# The project on another system than this machine's: `tests/system.sh SYSTEM DIR [COMMAND...]`, as root.
#
# SYSTEM is debian12, debian13, ubuntu22.04 or ubuntu24.04; with -arm64 behind it, a 64-bit ARM one, as on a Raspberry Pi,
# whose programs qemu translates (some 20 times slower). It is installed into DIR (debootstrap) from its distribution's
# package source, and the commit that is checked out here is copied into it; there COMMAND runs in the checkout
# (default: make demo and make test). A DIR that is there already is used again, its virtual environment
# too: a second run takes only as long as COMMAND.
#
# What lets this machine reach its package indices (proxy, certificates, pip's configuration and the folders that it
# names) holds in DIR as well. Mounts and processes live in namespaces of their own: they end with this script (which
# SIGINT ends early, and SIGKILL; not SIGTERM).
set -euo pipefail

declare -A suites=([debian12]=bookworm [debian13]=trixie [ubuntu22.04]=jammy [ubuntu24.04]=noble)
system=${1:-none}
suite=${suites[${system%-arm64}]:-}
if [[ $# -lt 2 || -z $suite || $(id -u) -ne 0 ]]; then
    echo "usage, as root: $0 SYSTEM DIR [COMMAND...]    SYSTEM: ${!suites[*]}, or one of them with -arm64" >&2
    echo "needs debootstrap, git, unshare; qemu-user-static for -arm64; for an Ubuntu its ubuntu-keyring, or it is not checked who signed it" >&2
    exit 2
fi
if [[ -z ${IN_NAMESPACE:-} ]]; then
    IN_NAMESPACE=yes exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi
checkout=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$2"
tree=$(cd "$2" && pwd)
shift 2
[[ $# -gt 0 ]] || set -- bash -c 'make demo && make test'

eval "$(apt-config shell proxy Acquire::http::Proxy)"
if [[ -n ${proxy:-} && $proxy != DIRECT ]]; then export http_proxy=$proxy; fi
if [[ ! -e $tree/.system-complete ]]; then
    case $system in
        debian*) options=() source=http://deb.debian.org/debian/ ;;
        ubuntu*-arm64) options=(--components=main,universe) source=http://ports.ubuntu.com/ ;;
        ubuntu*) options=(--components=main,universe) source=http://archive.ubuntu.com/ubuntu/ ;;
    esac
    [[ $system != *-arm64 ]] || options+=(--arch=arm64)
    # Every Ubuntu is installed as its first one with debootstrap was, "gutsy"; a Debian's debootstrap may not know its name.
    [[ $system != ubuntu* ]] || script=gutsy
    debootstrap --variant=minbase --include=ca-certificates,git,make "${options[@]}" \
        "$suite" "$tree" "$source" "/usr/share/debootstrap/scripts/${script:-sid}"
    touch "$tree/.system-complete"
fi

# Files are copied; folders are mounted, at the same place in the tree.
share() {
    if [[ -d $1 ]]; then
        mkdir -p "$tree$1"
        mount --rbind "$1" "$tree$1"
    elif [[ -f $1 ]]; then
        mkdir -p "$(dirname "$tree$1")"
        cp --dereference "$1" "$tree$1"
    fi
}

mount -t proc proc "$tree/proc"
share /sys
share /dev # with its /dev/shm, where GNU Radio's buffers are
share /etc/hosts
share /etc/resolv.conf
for file in /etc/apt/auth.conf /etc/apt/auth.conf.d/*; do share "$file"; done
apt-config dump | grep -E '^Acquire::(https?|Check-)' >"$tree/etc/apt/apt.conf.d/90machine" || true

pip_files=(/etc/pip.conf /etc/xdg/pip/pip.conf /root/.config/pip/pip.conf /root/.pip/pip.conf)
for file in "${pip_files[@]}"; do share "$file"; done
mapfile -t settings < <(env | grep -iE '^(PIP_[A-Z_]+|SSL_CERT_FILE|(REQUESTS|CURL)_CA_BUNDLE|[A-Z]+_PROXY)=')
# Paths in them: certificates, constraints, folders of wheels, and indices on disk, whose wheels lie beside their `simple`.
{ printf '%s\n' "${settings[@]}" && cat "${pip_files[@]}" 2>/dev/null || true; } |
    grep -oE '(^|[= ]|file://)/[^ /][^ ]+' | sed -E 's|^[^/]*(//)?/|/|; s|/simple/?$||' | sort -u |
    while read -r path; do share "$path"; done

copy=$tree/root/gr-deepsc
[[ -e $copy/.git ]] || git clone --quiet "$checkout" "$copy"
git -C "$copy" fetch --quiet "$checkout" HEAD
git -C "$copy" reset --quiet --hard FETCH_HEAD

# Not `exec`: the namespace's first process must be a shell, which reaps orphans.
env --ignore-environment HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" "${settings[@]}" \
    chroot "$tree" bash -c 'cd /root/gr-deepsc && "$@"' bash "$@"
