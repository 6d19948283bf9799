# Sourced by the scripts of package.json: says where Node keeps what it makes of our files, in the folder that collector/main.ts names
# too. Said by the program it is too late for its first file: to strip the types of that, Node loads a program in WebAssembly, which
# takes 40 ms and moves its memory, and from then on V8 asks at each access to a typed array whether its memory is still there
# (common/memory.ts): a tenth of a replay.
if [ -z "${NODE_COMPILE_CACHE:-}" ]; then
  case "${XDG_CACHE_HOME:-}" in
  /*) export NODE_COMPILE_CACHE="$XDG_CACHE_HOME/enaga/code" ;;
  *) [ -z "${HOME:-}" ] || export NODE_COMPILE_CACHE="$HOME/.cache/enaga/code" ;;
  esac
fi
