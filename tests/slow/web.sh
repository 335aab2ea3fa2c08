# The bundle as WebAssembly, in a browser: the page of examples/web passes the self-test and scores frames.
. tests/lib.sh

page_works() {
    sh examples/web/run.sh "$scratch/web" 20 &&
        timeout 120 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" --virtual-time-budget=5000 --dump-dom \
            "file://$scratch/web/page/index.html" >"$scratch/page" 2>/dev/null &&
        grep 'self-test passed' "$scratch/page" && grep -E 'id="score">0\.[0-9]+' "$scratch/page" && grep -E 'id="frames">[1-9]' "$scratch/page" &&
        grep 'id="error"></p>' "$scratch/page"
}
check "examples/web passes the self-test and scores frames in a browser" page_works
check "a trainer is not made for wasm128" sh -c '! build/zoetrope compile specs/tiny.yaml --targets wasm128 -o "$0" 2>&1 | grep -v "for inference only\|--help"' "$scratch/x"
done_checking
