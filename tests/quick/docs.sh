# Files and headings that the documentation links to exist, and so do files and tests in backticks. It quotes the compiler's real output.
. tests/lib.sh

texts="docs/*.md docs/log/*.md examples/*/README.md"
[ -f README.md ] && texts="README.md $texts" # the sanitizers' tree has none

links_lead_somewhere() {
    bad=0
    for text in $texts; do
        for link in $(grep -o '](\([^)]*\))' "$text" | sed 's/^](//; s/)$//; s/#.*//' | grep -v '^https\?:' | sort -u); do
            [ -e "$(dirname "$text")/$link" ] || { echo "$text: $link" && bad=1; }
        done
    done
    return $bad
}
# The headings of a file as GitHub's links name them. Characters that are not ASCII are left out, here and in the links.
headings_of() {
    LC_ALL=C awk '/^```/ { code = !code }
        !code && /^##* / {
            sub(/^#* /, ""); gsub(/\]\([^)]*\)/, ""); name = tolower($0); gsub(/[^a-z0-9_ -]/, "", name); gsub(/ /, "-", name)
            print seen[name]++ ? name "-" seen[name] - 1 : name
        }' "$1"
}
links_lead_to_headings() {
    bad=0
    for text in $texts; do
        for link in $(grep -o ']([^)]*#[^)]*)' "$text" | sed 's/^](//; s/)$//' | grep -v '^https\?:' | sort -u); do
            file=${link%%#*}
            target=$([ -n "$file" ] && echo "$(dirname "$text")/$file" || echo "$text")
            headings_of "$target" | grep -qxF -- "$(printf '%s' "${link#*#}" | LC_ALL=C sed 's/[^a-z0-9_-]//g')" || { echo "$text: $link" && bad=1; }
        done
    done
    return $bad
}
# C files, scripts and Python files, by name or by a part of their path.
files_are_there() {
    find Makefile compiler/ runtime/ tests/ specs/ scripts/ docs/ examples/ -type f >"$scratch/files"
    bad=0
    for name in $(cat $texts | grep -o '`[A-Za-z0-9_./]*\.\(c\|h\|sh\|py\)`' | tr -d '`' | grep -v '^gru_ae' | sort -u); do
        grep -q "\(^\|/\)$name$" "$scratch/files" || { echo "there is no $name" && bad=1; }
    done
    return $bad
}
tests_are_there() {
    bad=0
    for name in $(grep '^|' docs/testing.md | grep -o '`[a-z0-9_]*_[a-z0-9_]*_[a-z0-9_]*`' | tr -d '`' | sort -u); do
        grep -q "START_TEST($name)" tests/*.c || { echo "there is no test $name" && bad=1; }
    done
    return $bad
}
# Lines of the walk-through that show memory are what the compiler prints for gru_ae.
figures_are_the_compilers() {
    build/zoetrope compile specs/gru_ae.yaml --targets avx512 --filtering none --dump plan -o "$scratch/gru_ae" >"$scratch/printed" || return 1
    build/zoetrope explain specs/gru_ae.yaml --targets avx512 --max-ram 216M,2 >>"$scratch/printed" || return 1
    build/zoetrope compile specs/gru_ae.yaml --targets avx512 --max-ram 216M,2 --dump recompute >>"$scratch/printed" || return 1
    sed -i 's/  */ /g' "$scratch/printed"
    grep -e 'bytes at  ' -e 'bytes kept' -e 'bytes not kept' -e 'avx512 .* instead of ' -e '_again$' docs/walk-through.md | sed 's/  */ /g' >"$scratch/shown"
    [ "$(wc -l <"$scratch/shown")" -ge 13 ] && while IFS= read -r line; do
        grep -qxF -- "$line" "$scratch/printed" || { echo "the compiler does not print: $line" && return 1; }
    done <"$scratch/shown"
}
check "links in the documentation lead to files" links_lead_somewhere
check "links in the documentation lead to headings" links_lead_to_headings
check "files that the documentation names are there" files_are_there
check "tests that docs/testing.md names are there" tests_are_there
check "memory that the walk-through shows is what the compiler prints" figures_are_the_compilers
done_checking
