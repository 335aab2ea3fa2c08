#!/bin/sh
# free_folder.sh FOLDER: prints FOLDER or, if it exists, the first of FOLDER2, FOLDER3, … that does not. So an earlier run is left alone.
set -eu
folder=$1
number=1
while [ -e "$folder" ]; do
    number=$((number + 1))
    folder=$1$number
done
echo "$folder"
