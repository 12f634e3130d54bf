#!/usr/bin/env bash
# Builds launch.c and its headers for each machine and writes src/launcher/binaries.ts. Needs Debian's gcc and gcc-aarch64-linux-gnu.
set -euo pipefail
cd "$(dirname "$0")"
sources=(system.h git-config.h terminal.h listen.h launch.c)
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
flags=(-Os -std=c11 -ffreestanding -nostdlib -static -fno-builtin -fno-stack-protector -fno-asynchronous-unwind-tables
  -Wall -Wextra -Werror -Wl,--build-id=none -Wl,-z,noseparate-code -Wl,-z,norelro -s)
x86_64-linux-gnu-gcc "${flags[@]}" -fcf-protection=none launch.c -o "$built/x64"
aarch64-linux-gnu-gcc "${flags[@]}" launch.c -o "$built/arm64"
{
  echo '/** Written by `launcher/build.sh` from `launcher/launch.c`, which says what the program does. */'
  echo
  echo '/** SHA-256 of the sources that these were built from, one after the other. A test compares it. */'
  echo "export const builtFrom = '$(cat "${sources[@]}" | sha256sum | cut -d' ' -f1)'"
  echo
  echo "export const sources = ['$(IFS=,; echo "${sources[*]}" | sed "s/,/', '/g")']"
  echo
  echo '/** gzip and base64 of an ELF file, by `process.arch`. */'
  echo 'export const binaries: Readonly<Record<string, string>> = {'
  for machine in x64 arm64; do
    echo "  $machine:"
    gzip -9n <"$built/$machine" | base64 -w 100 | sed "s/.*/    '&' +/; \$s/ +\$/,/"
  done
  echo '}'
} >../src/launcher/binaries.ts
