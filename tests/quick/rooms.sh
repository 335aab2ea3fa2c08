# The compiler's rooms: each includes only its own headers and those of lower rooms. The table in docs/rooms.md has the lowest first.
. tests/lib.sh

rooms=$(sed -n 's/^| `\([a-z]*\)\/` .*/\1/p' docs/rooms.md)

every_folder_is_a_room() {
    [ "$(echo "$rooms" | sort)" = "$(ls compiler | sort)" ] || { echo "docs/rooms.md lists"; echo "$rooms"; echo "and compiler/ has"; ls compiler; return 1; }
}
# upward TREE: prints each include of a header of a higher room.
upward() {
    below=
    for room in $rooms; do
        below="$below $room"
        for file in "$1/$room"/*.c "$1/$room"/*.h; do
            [ -e "$file" ] || continue
            sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' "$file" | sort -u | while read -r wanted; do
                case " $below " in *" $wanted "*) ;; *) echo "$file includes a header of $wanted/, which is above $room/" ;; esac
            done
        done
    done
}
no_room_needs_one_above() { upward compiler >"$scratch/upward" && cat "$scratch/upward" && [ ! -s "$scratch/upward" ]; }
# Includes name the room, or the test above would not see them.
headers_are_named_by_their_room() {
    ! grep -n '^#include "' compiler/*/*.[ch] | grep -v '#include "[a-z]*/[a-z0-9_]*\.h"' | grep -v '#include "\.\./\.\./runtime/'
}
an_upward_include_is_found() {
    mkdir -p "$scratch/tree/base" && echo '#include "graph/graph.h"' >"$scratch/tree/base/a.c" && echo '#include "base/arena.h"' >"$scratch/tree/base/b.c" &&
        [ "$(upward "$scratch/tree")" = "$scratch/tree/base/a.c includes a header of graph/, which is above base/" ]
}

check "docs/rooms.md lists the compiler's folders" every_folder_is_a_room
check "no room includes a header of a higher room" no_room_needs_one_above
check "includes name the room of a header" headers_are_named_by_their_room
check "an include of a higher room is found" an_upward_include_is_found
done_checking
