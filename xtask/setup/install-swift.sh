#!/bin/sh
# install-swift.sh - put Debian's Swift 6 toolchain (package swiftlang of Debian 13 "trixie")
# into a private root directory and install thin wrappers, so that `swift build`,
# `swift test` and `swiftc` work on a Debian 12/13 host without changing the host's
# own packages (swiftlang needs glibc >= 2.38; bookworm has 2.36).
#
# Uses nothing but a Debian mirror: apt-get (with a private configuration and the Debian
# archive keyring: signatures are checked), dpkg-deb, tar.  Needs no debootstrap, no root
# for the download and unpacking, and runs no maintainer script.  Idempotent.
#
#   install-swift.sh --root DIR --bindir DIR [--mirror URL] [--force]
#
#   --root DIR    where the private root goes; remove the folder to uninstall
#   --bindir DIR  where the wrappers go
#   --mirror URL  Debian mirror ($DEBIAN_MIRROR, else the host's own)
#   --force       install even if it is already there, or if a working swift is in PATH
#
# Wrappers: swift-in-chroot COMMAND... (COMMAND sees the private root's /usr and /etc; all
# other directories are the host's), and swift, swiftc, swift-format on top of it.  What
# `swift build` makes runs through swift-in-chroot too (it needs the newer glibc).
set -eu
PATH=$PATH:/usr/sbin:/sbin

say()  { printf 'install-swift: %s\n' "$*"; }
die()  { printf 'install-swift: error: %s\n' "$*" >&2; exit 1; }
need() { command -v "$1" >/dev/null 2>&1 || die "'$1' is missing; install it with: apt-get install -y $2"; }

# sid's Swift 6.2.3 cannot `swift test`: stay on trixie's 6.0.3.
SUITE=trixie FORCE=0 ROOT='' BINDIR='' MIRROR=${DEBIAN_MIRROR:-}
while [ $# -gt 0 ]; do
    case $1 in
        --root|--bindir|--mirror) [ $# -ge 2 ] || die "$1 needs a value" ;;
    esac
    case $1 in
        --root) ROOT=$2; shift ;;
        --bindir) BINDIR=$2; shift ;;
        --mirror) MIRROR=$2; shift ;;
        --force) FORCE=1 ;;
        -h|--help) sed -n '2,21s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) die "unknown option: $1 (try --help)" ;;
    esac
    shift
done
[ -n "$ROOT" ] && [ -n "$BINDIR" ] || die "--root and --bindir are needed (try --help)"
case $ROOT in /*/*) ;; *) die "--root must be an absolute path at least two levels deep: $ROOT" ;; esac
case $ROOT in *[!A-Za-z0-9._/+-]*) die "--root has a character that apt's configuration cannot hold: $ROOT" ;; esac
MARK=$ROOT/.install-swift

ARCH=$(dpkg --print-architecture 2>/dev/null) || die "this is not a Debian-like system (no dpkg)"
WANT="suite=$SUITE arch=$ARCH script=1"

# --- the wrappers -----------------------------------------------------------------------
write_wrappers() {
    mkdir -p "$BINDIR" || die "cannot create $BINDIR"
    {
        printf '#!/bin/sh\n# written by install-swift.sh\nDEFAULT_ROOT="%s"\n' "$ROOT"
        cat <<'WRAP'
# swift-in-chroot COMMAND [ARGS...]
# Runs COMMAND with the private Swift root's /usr and /etc in place of the host's; every
# other directory (home, work tree, /tmp, ...), the environment and the exit status are
# the host's, so paths mean the same inside and outside.
#   SWIFT_ROOT=DIR          another private root
#   SWIFT_CHROOT_MODE=MODE  ns (mount namespace + chroot) or proot (slower, needs no
#                           privilege at all); default: ns where the kernel lets us
set -eu
PATH=$PATH:/usr/sbin:/sbin
die() { printf 'swift-in-chroot: error: %s\n' "$*" >&2; exit 125; }
R=${SWIFT_ROOT:-$DEFAULT_ROOT}
[ -f "$R/.install-swift" ] || die "no Swift root at $R; run install-swift.sh first"
[ $# -gt 0 ] || die "usage: swift-in-chroot COMMAND [ARGS...]"
cwd=$(pwd -P)
case $cwd/ in
    //|/usr/*|/etc/*|/bin/*|/sbin/*|/lib/*|/lib64/*|/lib32/*|/libx32/*)
        die "$cwd is not the host's directory inside the Swift root; work in another one" ;;
esac
user=''
[ "$(id -u)" = 0 ] || user='--user --map-root-user'
mode=${SWIFT_CHROOT_MODE:-auto}
if [ "$mode" = auto ]; then
    # shellcheck disable=SC2086
    if unshare $user --mount sh -c 'mount --make-rprivate / && mount -t tmpfs x "$1/.new" && chroot "$1" /bin/true' sh "$R" >/dev/null 2>&1; then mode=ns
    elif command -v proot >/dev/null 2>&1; then mode=proot
    else die "this user may not make a mount namespace here (container without CAP_SYS_ADMIN, or user namespaces switched off) and proot is not there; run: apt-get install -y proot"
    fi
fi
own_dirs='usr etc bin sbin lib lib32 lib64 libx32 boot lost+found'
own_files='passwd group hosts resolv.conf'
enter='PATH=/usr/local/bin:/usr/bin:/bin; export PATH; cd "$1" || exit 125; shift; exec "$@"'
case $mode in
ns)
    # shellcheck disable=SC2086
    exec unshare $user --mount sh -c '
        set -eu
        R=$1 cwd=$2 own_dirs=$3 own_files=$4 enter=$5
        N=$R/.new
        mount --make-rprivate /
        mount -t tmpfs -o mode=755 swift-root "$N"
        mkdir "$N/usr" "$N/etc"
        mount --bind "$R/usr" "$N/usr"
        mount --bind "$R/etc" "$N/etc"
        for l in bin sbin lib lib64; do ln -s "usr/$l" "$N/$l"; done
        for d in /*; do
            n=${d#/}
            case " $own_dirs " in *" $n "*) continue ;; esac
            if [ -L "$d" ]; then ln -s "$(readlink "$d")" "$N/$n"
            elif [ -d "$d" ]; then mkdir "$N/$n"; mount --rbind "$d" "$N/$n" || rmdir "$N/$n"
            fi
        done
        for f in $own_files; do [ ! -f "/etc/$f" ] || mount --bind "/etc/$f" "$N/etc/$f"; done
        [ ! -d /etc/ssl ] || mount --rbind /etc/ssl "$N/etc/ssl"
        if [ "$7" != 0 ]; then # root in the namespace is the caller outside: same home
            printf "root:x:0:0::%s:/bin/sh\n" "$HOME" > "$N/.passwd"
            mount --bind "$N/.passwd" "$N/etc/passwd"
        fi
        shift 7
        exec chroot "$N" /bin/sh -c "$enter" sh "$cwd" "$@"
    ' sh "$R" "$cwd" "$own_dirs" "$own_files" "$enter" ns "$(id -u)" "$@" ;;
proot)
    command -v proot >/dev/null 2>&1 || die "proot is not installed; run: apt-get install -y proot"
    set -- /bin/sh -c "$enter" sh "$cwd" "$@"
    for d in /*; do
        n=${d#/}
        case " $own_dirs " in *" $n "*) continue ;; esac
        [ ! -d "$d" ] || set -- -b "$d" "$@"
    done
    for f in $own_files; do [ ! -f "/etc/$f" ] || set -- -b "/etc/$f" "$@"; done
    [ ! -d /etc/ssl ] || set -- -b /etc/ssl "$@"
    exec proot -r "$R" "$@" ;;
*) die "unknown SWIFT_CHROOT_MODE: $mode (ns or proot)" ;;
esac
WRAP
    } > "$BINDIR/.swift-in-chroot.$$"
    chmod 755 "$BINDIR/.swift-in-chroot.$$" && mv -f "$BINDIR/.swift-in-chroot.$$" "$BINDIR/swift-in-chroot"
    for w in swift swiftc swift-format; do
        if [ -e "$BINDIR/$w" ] && ! grep -q 'written by install-swift.sh' "$BINDIR/$w" 2>/dev/null; then
            say "note: $BINDIR/$w exists and is not ours; left alone (use: swift-in-chroot $w)"
            continue
        fi
        printf '#!/bin/sh\n# written by install-swift.sh\nexec "%s/swift-in-chroot" %s "$@"\n' "$BINDIR" "$w" > "$BINDIR/$w"
        chmod 755 "$BINDIR/$w"
    done
}

# --- smoke test -------------------------------------------------------------------------
smoke() {
    d=$(mktemp -d "${TMPDIR:-/tmp}/install-swift.XXXXXX")
    cat > "$d/hello.swift" <<'S'
import Foundation
struct P: Codable { let n: Int }
let v = await Task { try! JSONDecoder().decode(P.self, from: Data(#"{"n":42}"#.utf8)).n }.value
print("swift says", v)
S
    out=$(cd "$d" && "$BINDIR/swift-in-chroot" swiftc -swift-version 6 hello.swift -o hello 2>&1 && "$BINDIR/swift-in-chroot" ./hello 2>&1) || {
        rm -rf "$d"; die "the smoke test failed: $out"; }
    rm -rf "$d"
    case $out in *"swift says 42"*) say "smoke test passed" ;; *) die "the smoke test printed: $out" ;; esac
}

# --- already there? ---------------------------------------------------------------------
if [ "$FORCE" = 0 ]; then
    s=$(command -v swiftc 2>/dev/null || :)
    if [ -n "$s" ] && ! grep -q 'written by install-swift.sh' "$s" 2>/dev/null && v=$("$s" --version 2>/dev/null); then
        say "a working Swift is already in PATH ($s): $(printf '%s\n' "$v" | sed -n 's/.*\(Swift version [^ ]*\).*/\1/p' | head -n1)"
        say "nothing to do (--force installs anyway)"
        exit 0
    fi
    if [ -f "$MARK" ] && [ "$(sed -n 1p "$MARK")" = "$WANT" ]; then
        write_wrappers
        smoke
        say "already installed in $ROOT"
        exit 0
    fi
fi

# --- checks -----------------------------------------------------------------------------
need apt-get apt; need dpkg-deb dpkg; need tar tar; need unshare util-linux; need chroot coreutils
case $ARCH in
    amd64) TRIPLE=x86_64-linux-gnu ;;
    arm64) TRIPLE=aarch64-linux-gnu ;;
    *) die "Debian has no swiftlang for $ARCH" ;;
esac
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$KEYRING" ] || die "no Debian archive keyring; install it with: apt-get install -y debian-archive-keyring"
if [ -z "$MIRROR" ] && [ "$(. /etc/os-release; echo "${ID:-}")" = debian ]; then
    MIRROR=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | grep -v security | head -n1 || :)
fi
[ -n "$MIRROR" ] || die "no Debian mirror known; name one with --mirror URL or DEBIAN_MIRROR"
mkdir -p "$(dirname "$ROOT")" || die "cannot create $(dirname "$ROOT")"
FREE=$(df -Pk "$(dirname "$ROOT")" | awk 'NR==2{print int($4/1024)}')
[ "$FREE" -ge 3500 ] || die "needs 3.5 GB free under $(dirname "$ROOT"), there are ${FREE} MB"
if [ -e "$ROOT" ] && [ ! -e "$MARK" ] && [ -n "$(ls -A "$ROOT" 2>/dev/null)" ]; then
    die "$ROOT exists and was not made by this script; remove it or give another --root"
fi

# --- download ---------------------------------------------------------------------------
NEW=$ROOT.new; APT=$ROOT.apt
trap 'rm -rf "$NEW" "$APT"' EXIT
trap 'exit 130' INT TERM HUP
rm -rf "$NEW" "$APT"
mkdir -p "$NEW" "$APT/lists/partial" "$APT/cache/archives/partial"
: > "$APT/status"
printf 'deb [signed-by=%s arch=%s] %s %s main\n' "$KEYRING" "$ARCH" "$MIRROR" "$SUITE" > "$APT/sources.list"
cat > "$APT/apt.conf" <<E
Dir::Etc::SourceList "$APT/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "$APT/lists";
Dir::State::status "$APT/status";
Dir::Cache "$APT/cache";
APT::Architecture "$ARCH";
APT::Architectures { "$ARCH"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::Retries "3";
Debug::NoLocking "true";
E
export APT_CONFIG="$APT/apt.conf"
say "reading the package list of Debian $SUITE ($ARCH) from $MIRROR"
apt-get -qq update >"$APT/log" 2>&1 || { cat "$APT/log" >&2; die "the package list could not be read from $MIRROR (network? mirror without suite $SUITE? keyring too old: apt-get install debian-archive-keyring)"; }
VER=$(apt-cache show --no-all-versions swiftlang 2>/dev/null | sed -n 's/^Version: //p')
[ -n "$VER" ] || die "Debian $SUITE has no swiftlang for $ARCH"
STD=$(apt-cache depends --no-recommends --no-suggests g++ 2>/dev/null | sed -n 's/.*Depends: g++-\([0-9]*\)$/\1/p' | head -n1)
[ -n "$STD" ] || die "cannot find the C++ library version of Debian $SUITE"
say "downloading swiftlang $VER and what it needs (about 0.6 GB)"
apt-get -qq -y --download-only install swiftlang libc6-dev "libstdc++-$STD-dev" base-files dash coreutils tzdata \
    >"$APT/log" 2>&1 || { tail -n 20 "$APT/log" >&2; die "the download failed"; }

# --- unpack (no maintainer scripts) -----------------------------------------------------
say "unpacking"
for l in bin sbin lib lib64; do mkdir -p "$NEW/usr/$l"; ln -s "usr/$l" "$NEW/$l"; done
set -- --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale --exclude=./usr/share/info --exclude=./usr/share/lintian
# the debugger, the language server, docc and the static library are not needed
S=./usr/libexec/swift
set -- "$@" --exclude="$S/lib/swift_static" --exclude="$S/lib/liblldb*" --exclude="$S/lib/libsourcekitdInProc*" \
    --exclude="$S/lib/libLTO*" --exclude="$S/bin/lldb*" --exclude="$S/bin/clangd" --exclude="$S/bin/sourcekit-lsp" \
    --exclude="$S/bin/docc" --exclude="./usr/lib/*/libpython3*" --exclude="./usr/lib/python3*" --exclude="./usr/libexec/gcc/*/*/lto1"
for deb in "$APT"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -p --no-same-owner --keep-directory-symlink -C "$NEW" "$@" -f - ||
        die "could not unpack $(basename "$deb") (disk full?)"
    rm -f "$deb"
done
# what the maintainer scripts would have made
for w in swift swiftc swift-build swift-test swift-run swift-package swift-format; do
    ln -sf "../libexec/swift/bin/$w" "$NEW/usr/bin/$w"
done
[ -e "$NEW/usr/bin/cc" ] || ln -s gcc "$NEW/usr/bin/cc"
mkdir -p "$NEW/.new" "$NEW/etc/ssl"
for f in passwd group hosts resolv.conf; do : > "$NEW/etc/$f"; done
ln -sf /usr/share/zoneinfo/Etc/UTC "$NEW/etc/localtime"
[ -e "$NEW/lib64/ld-linux-x86-64.so.2" ] || [ "$TRIPLE" != x86_64-linux-gnu ] || die "the unpacked root has no dynamic loader"
printf '%s\n%s\n' "$WANT" "$VER" > "$NEW/.install-swift"
rm -rf --one-file-system "$ROOT"
mv "$NEW" "$ROOT"
rm -rf "$APT"
trap - EXIT INT TERM HUP
unset APT_CONFIG
write_wrappers
smoke
say "Swift $VER is in $ROOT ($(du -sh "$ROOT" 2>/dev/null | cut -f1)); wrappers in $BINDIR: swift-in-chroot swift swiftc swift-format"
case :$PATH: in *:"$BINDIR":*) ;; *) say "note: $BINDIR is not in PATH" ;; esac
