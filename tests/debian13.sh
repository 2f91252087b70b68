#!/usr/bin/env bash
# The project on Debian 13, tried on a machine that runs something else: `tests/debian13.sh DIR [COMMAND...]`, as root.
#
# A Debian 13 is installed into DIR (debootstrap) from this machine's own package source, and the commit that is checked
# out here is copied into it; there COMMAND runs in the checkout (default: make demo and make test). A DIR that
# is there already is used again, its virtual environment too: a second run takes only as long as COMMAND.
#
# What lets this machine reach its package indices (proxy, certificates, pip's configuration and the folders that it
# names) holds in DIR as well. Mounts and processes live in namespaces of their own: they end with this script (which
# SIGINT ends early, and SIGKILL; not SIGTERM).
set -euo pipefail

if [[ $# -eq 0 || $1 == -* || $(id -u) -ne 0 ]]; then
    echo "usage, as root: $0 DIR [COMMAND...]    (needs debootstrap, git, unshare)" >&2
    exit 2
fi
if [[ -z ${IN_NAMESPACE:-} ]]; then
    IN_NAMESPACE=yes exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi
checkout=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
tree=$(cd "$1" && pwd)
shift
[[ $# -gt 0 ]] || set -- bash -c 'make demo && make test'

eval "$(apt-config shell proxy Acquire::http::Proxy)"
if [[ -n ${proxy:-} && $proxy != DIRECT ]]; then export http_proxy=$proxy; fi
if [[ ! -e $tree/.debian13-complete ]]; then
    # An Ubuntu's own source has no Debian 13.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 '/debian/$' ||
        echo http://deb.debian.org/debian/)
    debootstrap --variant=minbase --include=ca-certificates,git,make trixie "$tree" "$mirror"
    touch "$tree/.debian13-complete"
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
