"""Random specs that cover the whole language and depend only on the seed. They are valid by construction, and each takes about a second.

    python random_specs.py --out build/parity-cases/specs [--count 36] [--seed 0]

A decoder must end at the input's shape. So the encoder is drawn freely, and for each of its layers the decoder gets one
that leads back: drawn, axis by axis, from all kernels, strides and paddings that do (a transposed convolution leads back
from what a convolution of the same kernel, stride and padding made, and the reverse, so there is always one).
"""

import argparse
import itertools
import os
import random

import yaml

from specification import Section, forward_multiply_adds, layer_output_size, parse_spec

KERNELS, STRIDES = range(1, 8), range(1, 5)
CHANNELS = (1, 2, 3, 5, 7, 8, 9, 13, 15, 16, 17, 19, 24, 31, 32, 33, 37, 48, 63, 64, 65, 70)
ACTIVATIONS = ("none", "relu", "relu", "leaky_relu", "sigmoid", "tanh")
MOST_STEP_MULTIPLY_ADDS = 60e6  # forward passes of one batch
MOST_LINEAR_WEIGHTS = 400e3
FEWEST_VALUES_OF_A_NORM = 12  # a channel; of two values batch norm makes ±1 whatever they are, and gradients vanish

# What each spec in turn must have; the rest is drawn. Together with the draws this covers the language.
THEMES = (
    {"T": 1},
    {"batch": 1},
    {"T": 1, "batch": 1},
    {"channels": 3},
    {"gru_layers": 2},
    {"gru_layers": 3, "T": 5},
    {"gru": False},
    {"latent": False},
    {"optimizer": "adamw"},
    {"optimizer": "sgd"},
    {"optimizer": "adam", "weight_decay": 0.01},
    {"loss": "l1"},
    {"loss": "l1", "channels": 3, "gru": False},
    {"kernel": 7},
    {"kernel": 1},
    {"stride": 4},
    {"stride": 3, "kernel": 5},
    {"square": True, "norm": "batch", "activation": "relu"},
    {"initial_state": "zeros"},
    {"encoder_kind": "conv_transpose"},
    {"decoder_kind": "conv"},
    {"wide": True},
    {"activation": "leaky_relu", "slope": True},
    {"latent": False, "channels": 3, "norm": "batch"},
)


def axis_choices(transposed, before, after, theme):
    """All (kernel, stride, padding, output padding) that lead from one size to the other."""
    choices = []
    for kernel, stride in itertools.product(KERNELS, STRIDES):
        for padding in range(min(kernel, 4)):
            for output_padding in range(stride if transposed else 1):
                layer = as_layer(transposed, kernel, stride, padding, output_padding)
                if layer_output_size(layer, 0, before) == after and (transposed or before + 2 * padding >= kernel):
                    choices.append((kernel, stride, padding, output_padding))
    wanted = [c for c in choices if c[0] == theme.get("kernel", c[0]) and c[1] == theme.get("stride", c[1])]
    return wanted or choices


def as_layer(transposed, kernel, stride, padding, output_padding):
    return Section(
        transposed=transposed, kernel=(kernel,), stride=(stride,), padding=(padding,), output_padding=(output_padding,)
    )


def draw_axis(draw, transposed, size, theme):
    """A layer's numbers along one axis that make of `size` something between 1 and 24, seldom larger than it was."""
    for _ in range(1000):
        kernel = theme.get("kernel", draw.choice(KERNELS))
        stride = theme.get("stride", draw.choice((1, 1, 2, 2, 2, 3, 4)))
        padding = draw.randrange(min(kernel, 4))
        output_padding = draw.randrange(stride) if transposed else 0
        after = layer_output_size(as_layer(transposed, kernel, stride, padding, output_padding), 0, size)
        most = 24 if transposed else size + 2
        if 1 <= after <= most and size + 2 * padding >= kernel:
            return (kernel, stride, padding, output_padding), after
    # nothing of the theme fits (a transposed convolution of stride 4 of a large image): leave the size alone
    return (1, 1, 0, 0), size


def one_or_two(pair):
    return pair[0] if pair[0] == pair[1] else list(pair)


def layer_of(draw, transposed, axes, channels, theme, last=False):
    """axes: for height and width (kernel, stride, padding, output padding)."""
    kernel, stride, padding, output_padding = zip(*axes)
    keys = {"channels": channels, "kernel": one_or_two(kernel)}
    for key, value in (("stride", stride), ("padding", padding), ("output_padding", output_padding)):
        default = 1 if key == "stride" else 0
        if value != (default, default):
            keys[key] = one_or_two(value)
    norm = draw.choice(("none", "batch")) if last else theme.get("norm", draw.choice(("none", "batch")))
    # a bias before batch norm has a gradient that is zero by mathematics: allowed, but seldom
    bias = draw.random() < (0.15 if norm == "batch" else 0.7)
    if not bias:
        keys["bias"] = False
    elif draw.random() < 0.3:
        keys["bias"] = True
    if norm == "batch":
        keys["norm"] = "batch"
    activation = draw.choice(("none", "sigmoid", "tanh", "tanh")) if last else theme.get("activation", draw.choice(ACTIVATIONS))
    if activation != "none":
        keys["activation"] = activation
    if activation == "leaky_relu" and (theme.get("slope") or draw.random() < 0.3):
        keys["slope"] = draw.choice((0.1, 0.2, 0.3))
    return {"conv_transpose" if transposed else "conv": keys}


def draw_layers(draw, theme, size):
    """Encoder and decoder for images of [channels, height, width]."""
    encoder, steps = [], []
    channels, height, width = size
    for _ in range(draw.choice((1, 2, 2, 3, 3, 4))):
        transposed = draw.random() < 0.15 or theme.get("encoder_kind") == "conv_transpose" and draw.random() < 0.7
        vertical, next_height = draw_axis(draw, transposed, height, theme)
        horizontal, next_width = draw_axis(draw, transposed, width, theme)
        if theme.get("square") and height == width:
            horizontal, next_width = vertical, next_height
        steps.append((height, width, channels))
        channels = draw.choice(CHANNELS[-4:] if theme.get("wide") else CHANNELS)
        encoder.append(layer_of(draw, transposed, (vertical, horizontal), channels, theme))
        height, width = next_height, next_width
    decoder = []
    for before_height, before_width, before_channels in reversed(steps):
        transposed = draw.random() < 0.75 if theme.get("decoder_kind") != "conv" else draw.random() < 0.2
        axes = choose_axes(draw, transposed, (height, width), (before_height, before_width), theme)
        if axes is None:
            transposed = not transposed
            axes = choose_axes(draw, transposed, (height, width), (before_height, before_width), theme)
        if axes is None:
            return None
        last = len(decoder) == len(steps) - 1
        extra = draw.random() < 0.4  # one more layer that keeps the shape, at the end
        decoder.append(layer_of(draw, transposed, axes, size[0] if last and not extra else draw.choice(CHANNELS), theme, last and not extra))
        height, width = before_height, before_width
        if last and extra:
            kind = draw.random() < 0.3
            axes = choose_axes(draw, kind, (height, width), (height, width), theme)
            decoder.append(layer_of(draw, kind, axes, size[0], theme, True))
    return encoder, decoder


def choose_axes(draw, transposed, before, after, theme):
    axes = []
    for axis in range(2):
        choices = axis_choices(transposed, before[axis], after[axis], theme)
        if not choices:
            return None
        axes.append(draw.choice(choices))
    if theme.get("square") and before[0] == before[1] and after[0] == after[1]:
        axes[1] = axes[0]
    return axes


def draw_optimizer(draw, theme):
    name = theme.get("optimizer", draw.choice(("adam", "adam", "adamw", "sgd")))
    optimizer = {"name": name, "learning_rate": draw.choice((1e-4, 2e-4, 5e-4, None))}
    if name == "sgd":
        optimizer["learning_rate"] = draw.choice((0.01, 0.05))
        if draw.random() < 0.7:
            optimizer["momentum"] = draw.choice((0.5, 0.9))
    elif draw.random() < 0.4:
        optimizer["betas"] = draw.choice(([0.8, 0.99], [0.5, 0.9]))
        optimizer["epsilon"] = draw.choice((1e-7, 1e-6))
    if optimizer["learning_rate"] is None:
        del optimizer["learning_rate"]
    if "weight_decay" in theme or draw.random() < 0.5:
        optimizer["weight_decay"] = theme.get("weight_decay", draw.choice((1e-5, 1e-3)))
    return optimizer


def draw_spec(draw, name, theme):
    height = draw.randrange(5, 26)
    width = height if theme.get("square") else draw.randrange(5, 26)
    channels = theme.get("channels", draw.choice((1, 1, 1, 3)))
    layers = draw_layers(draw, theme, (channels, height, width))
    if layers is None:
        return None
    steps = theme.get("T", draw.choice((1, 2, 3, 4, 7)))
    values = {
        "version": 1,
        "name": name,
        "input": {"T": steps, "channels": channels, "height": height, "width": width},
        "encoder": layers[0],
    }
    has_latent = theme.get("latent", "gru_layers" in theme or draw.random() < 0.85)
    if has_latent:
        values["latent"] = draw.choice((1, 3, 8, 11, 16, 21, 40))
        if theme.get("gru", "gru_layers" in theme or "initial_state" in theme or draw.random() < 0.8):
            values["gru"] = {"hidden": draw.choice((1, 4, 7, 16, 19, 33, 50))}
            if theme.get("gru_layers", draw.choice((1, 1, 2))) > 1:
                values["gru"]["layers"] = theme.get("gru_layers", 2)
            state = theme.get("initial_state", draw.choice(("normal", "normal", None, "zeros")))
            if state:
                values["gru"]["initial_state"] = state
    values |= {
        "decoder": layers[1],
        "loss": theme.get("loss", draw.choice(("mse", "mse", "l1"))),
        "optimizer": draw_optimizer(draw, theme),
        "training": {"batch": theme.get("batch", draw.choice((1, 2, 3, 4, 5, 8)))},
    }
    return values


def is_small(spec):
    """Small enough to run in about a second, and no batch norm over a handful of values."""
    frames = spec.training.batch * spec.input.T
    work = forward_multiply_adds(spec)
    if sum(count for _, count in work) * frames > MOST_STEP_MULTIPLY_ADDS:
        return False
    if max([count for name, count in work if name.startswith("fc")], default=0) > MOST_LINEAR_WEIGHTS:
        return False
    for layers, shapes in ((spec.encoder, spec.encoder_shapes), (spec.decoder, spec.decoder_shapes)):
        for layer, (_, height, width) in zip(layers, shapes[1:]):
            if layer.norm == "batch" and frames * height * width < FEWEST_VALUES_OF_A_NORM:
                return False
    return True


def source_of(values):
    return yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=200)


def random_spec(seed, index):
    """(name, YAML text)"""
    name = f"random_{seed}_{index:02d}"
    theme = THEMES[index % len(THEMES)]
    draw = random.Random(f"{seed}/{index}")
    while True:
        values = draw_spec(draw, name, theme)
        if values and is_small(parse_spec(source_of(values))):
            return name, source_of(values)


def write_specs(directory, specs):
    """Writes each (name, YAML text); their paths."""
    os.makedirs(directory, exist_ok=True)
    paths = []
    for name, source in specs:
        paths.append(os.path.join(directory, name + ".yaml"))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write(source)
    return paths


def write_random_specs(directory, count, seed=0):
    return write_specs(directory, (random_spec(seed, index) for index in range(count)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=36)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for path in write_random_specs(options.out, options.count, options.seed):
        print(path)


if __name__ == "__main__":
    main()
