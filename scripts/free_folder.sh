#!/bin/sh
# free_folder.sh FOLDER: prints FOLDER or, where that is there already, the first of FOLDER2, FOLDER3, … that is not: what an earlier run made
# is left alone.
set -eu
folder=$1
number=1
while [ -e "$folder" ]; do
    number=$((number + 1))
    folder=$1$number
done
echo "$folder"
