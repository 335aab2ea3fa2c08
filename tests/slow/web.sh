# The bundle as WebAssembly, in a browser: the page of examples/web passes the self-test and scores frames.
. tests/lib.sh

# Prints a page in the example's folder as it is after five seconds.
show() {
    timeout 120 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" --virtual-time-budget=5000 --dump-dom \
        "file://$scratch/web/page/$1" >"$scratch/page" 2>/dev/null
}
page_works() {
    sh examples/web/run.sh "$scratch/web" 20 && show index.html &&
        grep 'self-test passed' "$scratch/page" && grep -E 'id="score">0\.[0-9]+' "$scratch/page" && grep -E 'id="frames">[1-9]' "$scratch/page" &&
        grep 'id="error"></p>' "$scratch/page"
}
# Scores jump from zero to the largest value. The blue pixels of the curve begin below the text.
curve_keeps_off_the_text() {
    cat >"$scratch/web/page/curve.js" <<'END'
for (let i = 0; i < 400; i++) scores.push(i % 2);
showScores();
const plot = element("plot"), shown = plot.getContext("2d").getImageData(0, 0, plot.width, plot.height).data;
const blue = Array.from({ length: plot.height }, (_, y) => y).filter((y) => {
  for (let x = 0; x < plot.width; x++) if (shown[4 * (y * plot.width + x) + 2] > 128 + shown[4 * (y * plot.width + x)]) return true;
});
document.title = `the curve is in rows ${blue[0]} to ${blue.pop()}`;
END
    sed 's|<script src="page.js"></script>|&<script src="curve.js"></script>|' "$scratch/web/page/index.html" >"$scratch/web/page/curve.html"
    show curve.html && rows=$(sed -n 's/.*<title>the curve is in rows \([0-9]*\) to \([0-9]*\)<.*/\1 \2/p' "$scratch/page") && echo "rows: $rows" &&
        echo "$rows" | awk '{ below = $1 > 44 && $2 > 300 } END { exit !below }'
}
check "examples/web passes the self-test and scores frames in a browser" page_works
check "examples/web draws the scores below their text" curve_keeps_off_the_text
check "a trainer is not made for wasm128" sh -c '! build/zoetrope compile specs/tiny.yaml --targets wasm128 -o "$0" 2>&1 | grep -v "for inference only\|--help"' "$scratch/x"
done_checking
