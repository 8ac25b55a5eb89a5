#!/bin/sh
# Makes the virtual environment $1 and installs the lock file $2 into it: with uv where it works, else with pip alone.
set -eu
venv=$1 lock=$2

fail() {
    echo "$1" >&2
    exit 1
}

for python in python3.11 python3 python none; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
done
[ "$python" != none ] || fail "需要 Python 3.11 或更新：请先安装（apt-get install python3 python3-venv）。"

echo "正在安装所需的软件包，约 1–2 分钟……"
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
    "$python" -m venv "$venv" >/dev/null ||
        fail "不能建立 Python 虚拟环境：请先安装 python3-venv（apt-get install python3-venv）。"
fi

# uv does not read pip's configuration, so where the packages come from a mirror named there pip takes over.
if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock" 2>/dev/null && exit 0
fi
# Twice quiet: what a mirror makes pip warn of helps nobody who waits for it; errors are still told.
"$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --require-hashes -r "$lock"
