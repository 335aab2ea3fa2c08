/* spec_documentation.c: docs/spec.md. What depends on keys comes from the table; the rest is text. */
#include "spec/spec_internal.h"

#include <string.h>

/* Its ```yaml block is a whole spec, which the tests compile. */
static const char introduction[] =
    "# The spec language\n"
    "\n"
    "*This file is printed from the table of keys, `compiler/spec/spec_keys.c`; change it there.*\n"
    "\n"
    "A spec is one YAML file that says which network is trained, on what, and how it learns. It says what is computed and learned,\n"
    "never how it is run: there are no threads, targets or tiles in it. `zoetrope check SPEC` reports everything that is wrong with\n"
    "one, with line and column; `zoetrope explain SPEC` shows the shapes that follow from it.\n"
    "\n"
    "## An example\n"
    "\n"
    "```yaml\n"
    "version: 1\n"
    "name: example\n"
    "\n"
    "input: {T: 8, channels: 1, height: 48, width: 60}\n"
    "\n"
    "encoder:                        # sees each frame by itself\n"
    "  - conv: {channels: 16, kernel: 3, stride: 2, padding: 1, bias: false, norm: batch, activation: relu}       # 16 × 24 × 30\n"
    "  - conv: {channels: 32, kernel: [3, 5], stride: [2, 3], padding: 1, activation: leaky_relu, slope: 0.2}     # 32 × 12 × 10\n"
    "\n"
    "latent: 32                      # a linear layer from the encoder's last shape, 32 · 12 · 10 values\n"
    "gru: {hidden: 48, initial_state: normal}\n"
    "\n"
    "decoder:                        # after a linear layer back to 32 × 12 × 10\n"
    "  - conv_transpose: {channels: 16, kernel: 3, stride: [2, 3], padding: [1, 0], output_padding: [1, 0], activation: relu}   # 16 × 24 × 30\n"
    "  - conv_transpose: {channels: 1, kernel: 4, stride: 2, padding: 1, activation: tanh}                        # 1 × 48 × 60\n"
    "\n"
    "loss: mse\n"
    "optimizer: {name: adamw, learning_rate: 1e-3}\n"
    "training: {batch: 8, iterations: 2000, strips_every: 100, seed: 7}\n"
    "```\n"
    "\n"
    "`specs/` holds more.\n";

static const char shapes[] =
    "\n## Shapes\n"
    "\n"
    "A clip is [T, channels, height, width]. Encoder and decoder see a batch as batch · T frames. Height and width, each by itself:\n"
    "\n"
    "| layer | size out |\n"
    "|---|---|\n"
    "| `conv` | ⌊(in + 2 · padding − kernel) / stride⌋ + 1 |\n"
    "| `conv_transpose` | (in − 1) · stride − 2 · padding + kernel + output_padding |\n"
    "\n"
    "No size may come out below 1, and the decoder's last layer must have the input's channels, height and width: an error shows the\n"
    "shapes layer by layer, and which change of a key would mend them.\n"
    "With `latent`, a linear layer takes the encoder's last shape (channels · height · width values) to the latent; after the GRU, a second one\n"
    "takes its state (`hidden` values; without `gru`, the latent) back to that same shape.\n"
    "\n"
    "Both linear layers have a bias and no activation. The GRU is PyTorch's: gates in the order r, z, n, and\n"
    "n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn)), h' = (1 − z) ⊙ n + z ⊙ h.\n"
    "\n"
    "## Names of parameters\n"
    "\n"
    "They are those of the PyTorch module with `encoder` and `decoder` as `nn.Sequential` over the modules that are present: for each layer\n"
    "the convolution, then the norm if it has one, then the activation if it has one, counted from 0. `load_state_dict(strict=True)` takes our files.\n"
    "\n"
    "| part | names |\n"
    "|---|---|\n"
    "| convolution, module `i` | `encoder.<i>.weight`, and `encoder.<i>.bias` with `bias: true` |\n"
    "| its batch norm | `encoder.<i+1>.weight`, `.bias`, `.running_mean`, `.running_var`, `.num_batches_tracked` |\n"
    "| linear layer to the latent | `fc1.0.weight`, `fc1.0.bias` |\n"
    "| layer `k` of the GRU | `gru.weight_ih_l<k>`, `gru.weight_hh_l<k>`, `gru.bias_ih_l<k>`, `gru.bias_hh_l<k>` |\n"
    "| linear layer back | `fc3.0.weight`, `fc3.0.bias` |\n"
    "| decoder | `decoder.<i>.…`, as the encoder |\n"
    "\n"
    "In the example above: `encoder.0` and `encoder.3` are the convolutions, `encoder.1` is the batch norm, `decoder.0` and `decoder.2` are the\n"
    "transposed convolutions.\n"
    "\n"
    "Initial weights are PyTorch's defaults: uniform in ±1/√fan_in for convolutions and linear layers (of a transposed convolution, fan_in is\n"
    "output channels · kernel area), uniform in ±1/√hidden for the GRU; a batch norm starts with weight 1 and bias 0.\n";

/* The limits are spec_internal.h's. */
static void print_text_rules(FILE *out) {
    fprintf(out, "\n## The text\n\n");
    fprintf(out, "- YAML in UTF-8, one document, at most %d bytes. No anchors and aliases (`&`, `*`), no tags (`!`), at most %d levels.\n",
            SPEC_BYTES, SPEC_DEPTH);
    fputs(
        "- Outside of comments all is ASCII. What looks like ASCII and is not (`–`, `“`, `：`, a no-break space, a Cyrillic `а`), and what\n"
        "  cannot be seen, is an error that names it (`U+00A0 NO-BREAK SPACE`) at its place. Comments may hold any text but control characters,\n"
        "  byte-order marks, marks that change the direction of text, and U+0085, U+2028 and U+2029, at which some programs end a line. A\n"
        "  byte-order mark at the very start is skipped. UTF-16 is refused.\n"
        "- Lines end with LF or with CR LF; or all with CR. Errors count lines as editors do, and columns in characters.\n",
        out);
    fprintf(
        out,
        "- Numbers and truth values as in YAML 1.2: `64`, `0x40`, `1e-4`, `.5`; `true` and `false`, not `yes` and `no`. Quoted, they are text. "
        "`6e3` and `16.0` are whole numbers. A leading zero (`0123`) is an error: some programs read it as octal. "
        "Infinities and NaN are refused. Whole numbers end at %.0f (2³¹ − 1) where nothing else is said, others at %g; what is not 0 is at "
        "least %g, for it has to be a number in float32.\n",
        SPEC_WHOLE_LIMIT, SPEC_NUMBER_LIMIT, SPEC_NUMBER_LEAST);
    fprintf(
        out,
        "- `name` is a C identifier of at most %d characters that does not start with `_` and is no keyword of C or C++, nor one of the few\n"
        "  words that a compiler or this project has taken (`main`, `linux`, `errno`, `zoetrope`, …), nor a header of C's (`string`, `math`, …),\n"
        "  which `<name>.h` of an inference bundle would hide.\n",
        SPEC_NAME_LENGTH);
    fprintf(
        out,
        "- No key may stand twice in its section, and none is ignored: an unknown key, and one that goes with another choice (`slope` without\n"
        "  `leaky_relu`), is an error.\n");
    fprintf(out, "- No tensor may have more than %.0f elements (2³¹ − 1), and all activations and parameters together at most 2⁴⁰ bytes.\n",
            SPEC_TENSOR_ELEMENTS);
}

static const char *default_text(const Key *key) {
    if (key->presence == KEY_REQUIRED) return "*required*";
    if (key->presence == KEY_OPTIONAL) return "*may be left out*";
    switch (key->type) {
    case KEY_SECTION:
        return "its defaults";
    case KEY_BOOLEAN:
        return key->fallback > 0 ? "true" : "false";
    case KEY_CHOICE:
        return key->choices[(int)key->fallback];
    case KEY_TWO_NUMBERS:
        return format("[%s, %s]", number_text(key->fallback), number_text(key->fallback2));
    default:
        return number_text(key->fallback);
    }
}

static void print_section(FILE *out, Section section) {
    const SectionText *text = &spec_sections[section];
    bool code = !strcmp(text->name, text->title); /* the title is the key itself */
    fprintf(out, "\n### %s%s%s\n\n%s\n\n| key | value | default | |\n|---|---|---|---|\n", code ? "`" : "", text->title, code ? "`" : "",
            text->help);
    for (const Key *key = next_key(section, NULL); key; key = next_key(section, key)) {
        fprintf(out, "| `%s` | %s | %s | ", key->name, key_legal(key), default_text(key));
        if (*when_text(key)) fprintf(out, "With `%s` only. ", when_text(key));
        fprintf(out, "%s |\n", key->help);
    }
}

void print_spec_documentation(FILE *out) {
    fputs(introduction, out);
    fprintf(out, "\n## Keys\n");
    for (Section section = SECTION_SPEC; section < SECTION_SYSTEM; section++) print_section(out, section);
    fputs(shapes, out);
    print_text_rules(out);
    fputs(system_introduction, out);
    for (Section section = SECTION_SYSTEM; section < SECTIONS; section++) print_section(out, section);
    fputs(system_rules, out);
}
