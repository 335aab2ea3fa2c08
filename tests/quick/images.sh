# Models of single images: folders of pictures, and idx files as MNIST's are.
. tests/lib.sh
export OMP_WAIT_POLICY=passive
one=build/one_image/one_image

# idx FILE COUNT: an idx file of so many images of 4 × 4 pixels, each of one grey.
idx() {
    printf '\0\0\10\3\0\0\0\'"$(printf %o "$2")"'\0\0\0\4\0\0\0\4' >"$1"
    for image in $(seq "$2"); do
        printf "\\$(printf %o $((image * 7)))%.0s" $(seq 16) >>"$1"
    done
}
prepare() {
    cat >"$scratch/one_image.yaml" <<SPEC || return 1
version: 1
name: one_image
input: {T: 1, channels: 1, height: 8, width: 8}
encoder:
  - conv: {channels: 4, kernel: 3, stride: 2, padding: 1, activation: relu}
latent: 3
decoder:
  - conv_transpose: {channels: 1, kernel: 3, stride: 2, padding: 1, output_padding: 1, activation: tanh}
loss: mse
training: {batch: 4, iterations: 3, strips_every: 10, seed: 1}
SPEC
    ZOETROPE_OPTIONS="--targets generic" make trainer SPEC="$scratch/one_image.yaml" || return 1
    mkdir "$scratch/idx" "$scratch/pictures" && idx "$scratch/idx/t-images-idx3-ubyte" 20 && printf '\0\0\10\1\0\0\0\2\1\2' >"$scratch/idx/t-labels-idx1-ubyte" &&
        ffmpeg -v error -f lavfi -i testsrc2=size=20x16:rate=25:duration=0.48 "$scratch/pictures/%d.jpg" </dev/null
}
train() { "$one" train --threads 1 "$@"; }

an_idx_file_trains() {
    train --data "$scratch/idx" --out "$scratch/plain" && gzip -k "$scratch/idx/t-images-idx3-ubyte" && train --data "$scratch/idx/t-images-idx3-ubyte.gz" --out "$scratch/packed" &&
        cmp "$scratch/plain/last.safetensors" "$scratch/packed/last.safetensors" && train --data "$scratch/idx" --cache 0 --out "$scratch/streamed" &&
        cmp "$scratch/plain/last.safetensors" "$scratch/streamed/last.safetensors"
}
labels_are_said() { train --data "$scratch/idx" --out "$scratch/said" >"$scratch/text" && grep -q "20 images, 1 more path to one of them, 1 file of labels left alone" "$scratch/text"; }
a_plot_is_no_image() {
    mkdir "$scratch/with_plot" && cp "$scratch/plain/loss.svg" "$scratch/plain"/real_itr0_no0.png "$scratch/with_plot" &&
        "$one" score --weights "$scratch/plain/last.safetensors" --data "$scratch/with_plot" --out "$scratch/plotless" --threads 1 && ! grep svg "$scratch/plotless/scores.csv"
}
pictures_are_images() {
    rm "$scratch/pictures/5.jpg"
    train --data "$scratch/pictures" --out "$scratch/jpg" >"$scratch/text" 2>&1 && grep -q "11 images" "$scratch/text" && ! grep -i "warning\|missing" "$scratch/text" &&
        "$one" reconstruct --weights "$scratch/jpg/last.safetensors" --data "$scratch/pictures" --out "$scratch/rec" && [ "$(grep -c '"video": ".*/pictures/[0-9]*.jpg"' "$scratch/rec/reconstruct.jsonl")" = 11 ] &&
        sed -n 5p "$scratch/rec/reconstruct.jsonl" | grep -q pictures/6.jpg && sed -n 11p "$scratch/rec/reconstruct.jsonl" | grep -q pictures/12.jpg
}
images_are_scored_by_name() {
    "$one" score --weights "$scratch/jpg/last.safetensors" --data "$scratch/pictures" --out "$scratch/scored" --threads 1 &&
        [ "$(sed -n 1p "$scratch/scored/scores.csv")" = image,frame,score ] && sed -n 6p "$scratch/scored/scores.csv" | grep -q "/pictures/6.jpg,0,0"
}
damage_is_said() {
    head -c 200 "$scratch/idx/t-images-idx3-ubyte" >"$scratch/cut-images-idx3-ubyte"
    ! train --data "$scratch/cut-images-idx3-ubyte" --out "$scratch/no" 2>"$scratch/text" && grep -q "it is cut off: it holds 11 of the 20 images" "$scratch/text" && [ ! -e "$scratch/no" ]
}
clips_refuse_idx_files() {
    make trainer SPEC=specs/tiny.yaml && ! build/tiny/tiny train --data "$scratch/idx/t-images-idx3-ubyte" --out "$scratch/no" 2>"$scratch/text" &&
        grep -q "t-images-idx3-ubyte: an idx file, .* only where the T of the spec is 1" "$scratch/text" && [ ! -e "$scratch/no" ]
}
# A system of clips of 3 frames that has a vector, samples, averages, and a score of each clip's last frame.
a_system_is_built() {
    cat >"$scratch/last_frame.yaml" <<SPEC || return 1
version: 2
name: last_frame
input: {T: 3, channels: 1, height: 8, width: 8}
noise: {z: {shape: [3, 3, 1, 1]}}
networks:
  encoder:
    layers:
      - linear: {features: 3, activation: tanh}
  decoder:
    inputs: [code]
    layers:
      - linear: {shape: [1, 8, 8], activation: tanh}
values:
  code: encoder(x)
  y: decoder(code)
losses:
  all: {mse: [y, x]}
  last: {l1: ["frames(y, 2, 1)", "frames(x, 2, 1)"], only: score}
outputs: {reconstruction: "frames(y, 2, 1)", target: "frames(x, 2, 1)", code: code, samples: decoder(z)}
score: {sum: {last: 2}, per: frame, first_frame: 2}
average: 0.5
training: {batch: 4, iterations: 3, seed: 1}
SPEC
    ZOETROPE_OPTIONS="--targets generic" make trainer SPEC="$scratch/last_frame.yaml" &&
        build/last_frame/last_frame train --data "$scratch/pictures" --out "$scratch/system" --threads 1
}
system_does() { build/last_frame/last_frame "$1" --weights "$scratch/system/last.safetensors" --data "$scratch/pictures" --threads 1 --out "$scratch/system-$1"; }
a_system_reconstructs() {
    system_does reconstruct && [ "$(find "$scratch/system-reconstruct" -name '*_no*.png' | wc -l)" = 9 ] &&
        [ "$(grep -c '"psnr": .*"score": .*"real": .*"output.code": \[\[.*"output.samples": ' "$scratch/system-reconstruct/reconstruct.jsonl")" = 3 ]
}
# 11 frames: 2 … 10 are the last of a clip of 3. The score of frame 2 is that of the first clip.
a_system_scores() {
    system_does score && [ "$(sed 1d "$scratch/system-score/scores.csv" | cut -d, -f2 | tr '\n' ' ')" = "2 3 4 5 6 7 8 9 10 " ] &&
        first=$(sed -n 's/.*"clip": 0.*"score": \([^,]*\),.*/\1/p' "$scratch/system-reconstruct/reconstruct.jsonl") && [ -n "$first" ] && grep -q ",2,$first$" "$scratch/system-score/scores.csv"
}

check "a trainer of images and data are made" prepare
check "an idx file gives the same weights packed, unpacked and streamed" an_idx_file_trains
check "files of labels are left alone, and counted" labels_are_said
check "the plot of a run is not an image" a_plot_is_no_image
check "the pictures of a folder are single images in natural order" pictures_are_images
check "score of version 1 names the images" images_are_scored_by_name
check "an idx file that is cut off is an error that says so" damage_is_said
check "a model of clips refuses idx files" clips_refuse_idx_files
check "a system trains on a folder of stills" a_system_is_built
check "reconstruct writes the strips, numbers, PSNR and score of a system" a_system_reconstructs
check "score gives each frame that a system scores one row" a_system_scores
done_checking
