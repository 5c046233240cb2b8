#!/usr/bin/env bash
# Sets up this checkout: Python, Java, every locked package, two Delta jars. Nothing is written outside the checkout,
# apart from what apt installs. Run it as `make setup`; running it again finishes what was left half done. With the word
# `tests` it installs what only the tests need, a PostgreSQL server.
#
#   PYTHON=/path/to/python  which interpreter to use (3.11 or 3.12)
#   JAVA_HOME=/path/to/jre  which Java to use (17 or newer)
#   UV_CACHE_DIR=/path      keep downloads there (otherwise a cache that uv already has is used, and none is left behind)
#   IVY_SETTINGS=/path.xml  an Ivy settings file that names your own Maven mirror
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
here="$root/infra/deploy"
venv="$root/.venv"
jars="$root/.jars"
createcluster=/etc/postgresql-common/createcluster.conf
# pip asks rustc for its version, and rustup would make its folder in the home for that.
export RUSTUP_HOME="${RUSTUP_HOME:-$root/build/rustup}"

say() { printf 'setup: %s\n' "$*"; }
stop() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# --- system packages ------------------------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

is_known() {  # package name -> apt has a version of it
    [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

refresh_lists() {
    as_root apt-get update -qq || say "apt-get update failed; going on with the package lists that are there"
}

install_packages() {  # package... -> installed, or a message that names them
    local advice="install these system packages, then run the same command again: $*"
    may_install || stop "$advice (needs root or sudo without a password)"
    say "installing system packages: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null \
        || stop "apt-get could not install them; $advice"
}

first_known() {  # package... -> the first one that apt knows; where nothing may be installed, the first one
    local name
    for name in "$@"; do
        if is_known "$name"; then echo "$name"; return; fi
    done
    echo "$1"
}

# --- Python ---------------------------------------------------------------------------------------------------------

python_version() {  # interpreter -> 3.11 or 3.12, or nothing when it does not run or is another version
    "$1" -I -c 'import sys; v = sys.version_info[:2]; print("%d.%d" % v) if v in ((3, 11), (3, 12)) else None' \
        2>/dev/null </dev/null || true
}

find_python() {  # every candidate is executed, because a version manager's shim may stand there and fail
    local candidate name
    for name in python3.12 python3.11 python3 python; do
        while IFS= read -r candidate; do
            if [ -n "$(python_version "$candidate")" ]; then echo "$candidate"; return; fi
        done < <(type -aP "$name")
    done
    for candidate in /usr/bin/python3.12 /usr/bin/python3.11 /usr/bin/python3; do
        if [ -n "$(python_version "$candidate")" ]; then echo "$candidate"; return; fi
    done
}

venv_works() {
    [ -n "$(python_version "$venv/bin/python")" ] && "$venv/bin/python" -I -m pip --version >/dev/null 2>&1
}

choose_python() {  # sets python; empty when none is there
    if [ -n "${PYTHON:-}" ]; then
        [ -n "$(python_version "$PYTHON")" ] || stop "PYTHON=$PYTHON does not run, or is neither Python 3.11 nor 3.12"
        python="$PYTHON"
    elif venv_works; then
        python="$venv/bin/python"
    else
        python="$(find_python)"
    fi
}

can_make_venv() {
    [ -n "$python" ] && "$python" -I -c 'import venv, ensurepip' 2>/dev/null
}

missing_for_python() {  # system packages without which no virtual environment can be made
    local name
    if [ -z "$python" ]; then
        name="$(first_known python3.11 python3.12)"
        echo "$name" "$name-venv"
    elif ! can_make_venv; then
        echo "python$(python_version "$python")-venv"
    fi
}

# --- Java -----------------------------------------------------------------------------------------------------------

is_java() {  # java executable -> true when it is 17 or newer and carries the module that Spark asks for
    "$1" --add-modules jdk.incubator.vector -version >/dev/null 2>&1 || return 1
    local major
    major="$("$1" -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p' | head -n 1)"
    [ "${major:-0}" -ge 17 ]
}

find_java() {
    local candidate
    for candidate in "${JAVA_HOME:-/nonexistent}/bin/java" $(type -aP java) /usr/lib/jvm/*/bin/java; do
        if [ -x "$candidate" ] && is_java "$candidate"; then readlink -f "$candidate"; return; fi
    done
}

missing_for_java() {
    if [ -z "$java" ]; then first_known openjdk-17-jre-headless openjdk-21-jre-headless; fi
}

# --- both -----------------------------------------------------------------------------------------------------------

choose_python_and_java() {  # what is missing is installed, or named, all at once
    choose_python
    java="$(find_java)"
    if ! can_make_venv || [ -z "$java" ]; then
        if may_install; then refresh_lists; fi
        # shellcheck disable=SC2046
        install_packages $(missing_for_python) $(missing_for_java)
        choose_python
        java="$(find_java)"
    fi
    can_make_venv || stop "no Python 3.11 or 3.12 can make a virtual environment; set PYTHON=/path/to/python"
    [ -n "$java" ] || stop "no Java 17 or newer runs; set JAVA_HOME, or install openjdk-17-jre-headless"
    ln -sfn "$(dirname "$(dirname "$java")")" "$jars/java_home"
}

# --- Python packages ------------------------------------------------------------------------------------------------

locked() {  # package name -> its lines of the lock, hashes included
    awk -v name="$1" 'index($0, name "==") == 1 { on = 1; print; next } /^[^ ]/ { on = 0 } on && /--hash/ { print }' \
        "$root/requirements.lock"
}

choose_cache() {  # sets UV_CACHE_DIR; a cache that uv already has is used, else one that is removed at the end
    [ -z "${UV_CACHE_DIR:-}" ] || return 0
    UV_CACHE_DIR="$("$venv/bin/uv" cache dir 2>/dev/null || true)"
    if [ -z "$UV_CACHE_DIR" ] || [ ! -d "$UV_CACHE_DIR/archive-v0" ]; then
        UV_CACHE_DIR="$venv/.uv-cache"
        trap 'rm -rf "$venv/.uv-cache"' EXIT
    fi
    export UV_CACHE_DIR
}

install_python_packages() {
    if ! venv_works || [ "$(python_version "$venv/bin/python")" != "$(python_version "$python")" ]; then
        say "making $venv with $python ($(python_version "$python"))"
        "$python" -m venv --clear "$venv"
    fi
    if ! "$venv/bin/uv" --version >/dev/null 2>&1; then
        "$venv/bin/python" -m pip install --quiet --no-cache-dir --no-deps --require-hashes -r <(locked uv)
    fi
    choose_cache
    say "installing the locked packages"
    local uv=("$venv/bin/uv" pip)
    "${uv[@]}" sync --quiet --python "$venv/bin/python" --require-hashes "$root/requirements.lock"
    "${uv[@]}" install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e "$root"
    say "compiling them, so that the first night does not"
    "$venv/bin/python" -m compileall -q -j 0 -x '/(plotly|faker|statsmodels)/' "$venv/lib" >/dev/null 2>&1 || true
}

# --- jars -----------------------------------------------------------------------------------------------------------

resolve() {  # organisation, module, version, folder -> the jar in that folder, by the resolver that Spark carries
    "$java" -Duser.home="$4" -Divy.default.ivy.user.dir="$4" -cp "$(echo "$venv"/lib/python3.*/site-packages/pyspark/jars/ivy-*.jar)" \
        org.apache.ivy.Main ${IVY_SETTINGS:+-settings "$IVY_SETTINGS"} -warn -cache "$4/cache" -notransitive -types jar \
        -confs default -dependency "$1" "$2" "$3" -retrieve "$4/[artifact]-[revision].[ext]" >"$4/log" 2>&1 || true
}

fetch_jar() {  # organisation, module, version, sha256 -> .jars/module-version.jar
    local target="$jars/$2-$3.jar" work file
    if echo "$4  $target" | sha256sum --check --status 2>/dev/null; then return; fi
    say "fetching $2-$3.jar"
    work="$(mktemp -d "$jars/fetch.XXXXXX")"
    resolve "$1" "$2" "$3" "$work"
    file="$work/$2-$3.jar"
    if [ ! -s "$file" ]; then
        tail -n 5 "$work/log" >&2
        rm -rf "$work"
        stop "cannot fetch $1:$2:$3 from Maven; put that jar at $target by hand, or set IVY_SETTINGS, then try again"
    fi
    if ! echo "$4  $file" | sha256sum --check --status; then
        rm -rf "$work"
        stop "$2-$3.jar does not have the checksum $4; it was thrown away"
    fi
    mv "$file" "$target"
    rm -rf "$work"
}

# --- what only the tests need ---------------------------------------------------------------------------------------

has_postgres() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null
}

install_postgres() {  # a real PostgreSQL for the tests of the ledger; no cluster of its own is made or started
    if has_postgres; then return; fi
    if may_install; then
        refresh_lists
        install_packages postgresql-common
        as_root sed -i -E 's/^#? *create_main_cluster *=.*/create_main_cluster = false/' "$createcluster"
    fi
    install_packages postgresql
    has_postgres || stop "the package postgresql is installed, but there is no initdb; put PostgreSQL's programs on PATH"
}

# --------------------------------------------------------------------------------------------------------------------

main() {
    if [ "${1:-}" = tests ]; then install_postgres; return; fi
    mkdir -p "$jars"
    exec 9>"$jars/lock"
    flock 9
    choose_python_and_java
    install_python_packages
    while read -r organisation module version digest; do
        fetch_jar "$organisation" "$module" "$version" "$digest"
    done <"$here/jars.txt"
    say "done: $("$venv/bin/python" --version), $("$java" -version 2>&1 | head -n 1)"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
