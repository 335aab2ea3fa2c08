# The rooms of compiler/ and runtime/: each includes only its own headers and those of lower rooms. docs/rooms.md has the lowest first.
. tests/lib.sh

# rooms TREE: prints the rooms that docs/rooms.md lists for it, in order.
rooms() {
    case $1 in compiler) heading="# The compiler's rooms" ;; *) heading="# The runtime's rooms" ;; esac
    sed -n "/^$heading/,/^# [^T]/p" docs/rooms.md | sed "1d; /^# /,\$d" | sed -n 's/^| `\([a-z]*\)\/` .*/\1/p'
}
every_folder_is_a_room() {
    [ "$(rooms "$1" | sort)" = "$(ls -d "$1"/*/ | xargs -n 1 basename | sort)" ] || { echo "docs/rooms.md lists"; rooms "$1"; echo "and $1/ has"; ls "$1"; return 1; }
}
# upward TREE ROOMS: prints each include of a header of a higher room.
upward() {
    below=
    for room in $2; do
        below="$below $room"
        for file in "$1/$room"/*.c "$1/$room"/*.h; do
            [ -e "$file" ] || continue
            sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' "$file" | sort -u | while read -r wanted; do
                case " $below " in *" $wanted "*) ;; *) echo "$file includes a header of $wanted/, which is above $room/" ;; esac
            done
        done
    done
}
no_room_needs_one_above() { upward "$1" "$(rooms "$1")" >"$scratch/upward" && cat "$scratch/upward" && [ ! -s "$scratch/upward" ]; }
# Includes name the room, or the test above would not see them.
headers_are_named_by_their_room() {
    ! grep -n '^#include "' "$1"/*/*.[ch] | grep -v '#include "[a-z]*/[a-z0-9_]*\.h"' | grep -v "$2"
}
an_upward_include_is_found() {
    mkdir -p "$scratch/tree/base" && echo '#include "graph/graph.h"' >"$scratch/tree/base/a.c" && echo '#include "base/arena.h"' >"$scratch/tree/base/b.c" &&
        [ "$(upward "$scratch/tree" "base graph")" = "$scratch/tree/base/a.c includes a header of graph/, which is above base/" ]
}

# declared HEADER: the functions that it declares.
declared() { sed -n 's/^[A-Za-z].*[ *]\([a-z_0-9]*\)(.*);.*/\1/p' "$1"; }
# strangers TREE: prints each function that a header of TREE declares and the .c file of its name does not have.
strangers() {
    for header in "$1"/*.h; do
        file=${header%.h}.c
        [ -e "$file" ] || continue
        for function in $(declared "$header"); do
            grep -q "^[A-Za-z].*[ *]$function(.*{" "$file" || echo "$header declares $function(), which is not in $file"
        done
    done
}
headers_declare_their_own_file() { strangers compiler/graph >"$scratch/strangers" && cat "$scratch/strangers" && [ ! -s "$scratch/strangers" ]; }
a_stranger_in_a_header_is_found() {
    mkdir -p "$scratch/strange" && echo 'int own(void);' >"$scratch/strange/a.h" && echo 'int other(void);' >>"$scratch/strange/a.h" &&
        echo 'int own(void) {' >"$scratch/strange/a.c" && [ "$(strangers "$scratch/strange" | wc -l)" = 1 ]
}

for tree in compiler runtime; do
    check "docs/rooms.md lists the folders of $tree/" every_folder_is_a_room $tree
    check "no room of $tree/ includes a header of a higher room" no_room_needs_one_above $tree
done
check "includes of compiler/ name the room of a header" headers_are_named_by_their_room compiler '#include "\.\./\.\./runtime/'
check "includes of runtime/ name the room of a header" headers_are_named_by_their_room runtime '#include "\(model\|exact\)\.h"'
check "an include of a higher room is found" an_upward_include_is_found
check "a header of the graph declares what its own file has" headers_declare_their_own_file
check "a function of another file in a header is found" a_stranger_in_a_header_is_found
done_checking
