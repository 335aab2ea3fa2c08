"""A spec as Python data. This is an independent reader of the language, so that parity also checks the compiler's parser.

It is strict: an unknown, repeated or missing key, or a value of the wrong type, is an error. Defaults of layers, GRU and optimizers are PyTorch's.
"""

import re
from dataclasses import dataclass, field

import yaml


class SpecError(Exception):
    pass


class StrictLoader(yaml.SafeLoader):
    """YAML whose mappings have no repeated keys, and in which 1e-4 is a number."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise SpecError(f"{node.start_mark}: key '{key}' stands here twice")
        return super().construct_mapping(node, deep)


StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)

REQUIRED = object()


def integer(value):
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(f"not a whole number: {value!r}")
    return value


def number(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SpecError(f"not a number: {value!r}")
    return float(value)


def pair(value):
    """One number, or [vertical, horizontal]."""
    values = value if isinstance(value, list) else [value, value]
    if len(values) != 2:
        raise SpecError(f"neither one number nor two: {value!r}")
    return tuple(integer(v) for v in values)


def number_pair(value):
    if not isinstance(value, list) or len(value) != 2:
        raise SpecError(f"not two numbers: {value!r}")
    return tuple(number(v) for v in value)


def boolean(value):
    if not isinstance(value, bool):
        raise SpecError(f"neither true nor false: {value!r}")
    return value


def text(value):
    if not isinstance(value, str):
        raise SpecError(f"not a text: {value!r}")
    return value


def one_of(*names):
    def read(value):
        if value not in names:
            raise SpecError(f"{value!r} is none of {', '.join(names)}")
        return value

    return read


def anything(value):
    return value


# key: (reader, default)
INPUT_KEYS = {
    "T": (integer, REQUIRED),
    "channels": (integer, REQUIRED),
    "height": (integer, REQUIRED),
    "width": (integer, REQUIRED),
}
CONV_KEYS = {
    "channels": (integer, REQUIRED),
    "kernel": (pair, REQUIRED),
    "stride": (pair, (1, 1)),
    "padding": (pair, (0, 0)),
    "bias": (boolean, True),
    "norm": (one_of("none", "batch"), "none"),
    "activation": (one_of("none", "relu", "leaky_relu", "sigmoid", "tanh"), "none"),
    "slope": (number, 0.01),
}
CONV_TRANSPOSE_KEYS = CONV_KEYS | {"output_padding": (pair, (0, 0))}
GRU_KEYS = {
    "hidden": (integer, REQUIRED),
    "layers": (integer, 1),
    "initial_state": (one_of("normal", "zeros"), "zeros"),
}
OPTIMIZER_KEYS = {
    "name": (one_of("adam", "adamw", "sgd"), "adam"),
    "learning_rate": (number, 1e-3),
    "betas": (number_pair, (0.9, 0.999)),
    "epsilon": (number, 1e-8),
    "weight_decay": (number, None),  # 0; of AdamW 1e-2
    "momentum": (number, 0.0),
}
TRAINING_KEYS = {
    "batch": (integer, 16),
    "iterations": (integer, 10000),
    "strips_every": (integer, 200),
    "seed": (integer, 0),
}
SPEC_KEYS = {
    "version": (integer, REQUIRED),
    "name": (text, REQUIRED),
    "input": (anything, REQUIRED),
    "encoder": (anything, REQUIRED),
    "latent": (integer, 0),
    "gru": (anything, None),
    "decoder": (anything, REQUIRED),
    "loss": (one_of("mse", "l1"), "mse"),
    "precision": (one_of("f32", "bf16"), "f32"),  # the reference is float32 whatever it says
    "optimizer": (anything, {}),
    "training": (anything, {}),
}


class Section(dict):
    """The values of a mapping, readable as attributes: layer.kernel."""

    __getattr__ = dict.__getitem__


def read_section(place, values, keys):
    if not isinstance(values, dict):
        raise SpecError(f"{place}: not a mapping")
    for key in values:
        if key not in keys:
            raise SpecError(f"{place}: unknown key '{key}'")
    section = Section()
    for key, (reader, default) in keys.items():
        if key in values:
            try:
                section[key] = reader(values[key])
            except SpecError as error:
                raise SpecError(f"{place}.{key}: {error}") from None
        elif default is REQUIRED:
            raise SpecError(f"{place}: key '{key}' is missing")
        else:
            section[key] = default
    return section


def read_layers(place, values):
    if not isinstance(values, list) or not values:
        raise SpecError(f"{place}: not a list of layers")
    layers = []
    for index, value in enumerate(values):
        here = f"{place}[{index}]"
        if not isinstance(value, dict) or len(value) != 1:
            raise SpecError(f"{here}: not one layer")
        kind, keys = next(iter(value.items()))
        if kind not in ("conv", "conv_transpose"):
            raise SpecError(f"{here}: unknown layer '{kind}'")
        layer = read_section(here, keys, CONV_TRANSPOSE_KEYS if kind == "conv_transpose" else CONV_KEYS)
        layer["transposed"] = kind == "conv_transpose"
        layer.setdefault("output_padding", (0, 0))
        layers.append(layer)
    return layers


@dataclass
class Spec:
    name: str
    input: Section
    encoder: list
    decoder: list
    latent: int
    gru: Section | None
    loss: str
    optimizer: Section
    training: Section
    encoder_shapes: list = field(default_factory=list)  # (channels, height, width) before the first and after each layer
    decoder_shapes: list = field(default_factory=list)

    @property
    def clip_shape(self):
        """[B, T, C, H, W]"""
        size = self.input
        return (self.training.batch, size.T, size.channels, size.height, size.width)

    @property
    def state_shape(self):
        """[layers, B, hidden]; None without a GRU."""
        return (self.gru.layers, self.training.batch, self.gru.hidden) if self.gru else None


def layer_output_size(layer, axis, size):
    kernel, stride, padding = layer.kernel[axis], layer.stride[axis], layer.padding[axis]
    if layer.transposed:
        return (size - 1) * stride - 2 * padding + kernel + layer.output_padding[axis]
    return (size + 2 * padding - kernel) // stride + 1


def shapes_of(layers, shape):
    shapes = [shape]
    for layer in layers:
        shape = (layer.channels, layer_output_size(layer, 0, shape[1]), layer_output_size(layer, 1, shape[2]))
        if min(shape) < 1:
            raise SpecError(f"a shape vanishes: {shape}")
        shapes.append(shape)
    return shapes


def parse_spec(source):
    values = read_section("spec", yaml.load(source, StrictLoader), SPEC_KEYS)
    if values.version != 1:
        raise SpecError("version is not 1")
    spec = Spec(
        name=values.name,
        input=read_section("input", values.input, INPUT_KEYS),
        encoder=read_layers("encoder", values.encoder),
        decoder=read_layers("decoder", values.decoder),
        latent=values.latent,
        gru=read_section("gru", values.gru, GRU_KEYS) if values.gru is not None else None,
        loss=values.loss,
        optimizer=read_section("optimizer", values.optimizer, OPTIMIZER_KEYS),
        training=read_section("training", values.training, TRAINING_KEYS),
    )
    if spec.optimizer.weight_decay is None:
        spec.optimizer["weight_decay"] = 1e-2 if spec.optimizer.name == "adamw" else 0.0
    if spec.gru and not spec.latent:
        raise SpecError("gru without latent")
    size = (spec.input.channels, spec.input.height, spec.input.width)
    spec.encoder_shapes = shapes_of(spec.encoder, size)
    spec.decoder_shapes = shapes_of(spec.decoder, spec.encoder_shapes[-1])
    if spec.decoder_shapes[-1] != size:
        raise SpecError(f"the decoder's output {spec.decoder_shapes[-1]} is not the input's shape {size}")
    return spec


def read_spec(path):
    with open(path, encoding="utf-8") as file:
        return parse_spec(file.read())


def forward_multiply_adds(spec):
    """Of one frame: [(layer, multiply-adds)], in the order of the network."""
    work = []
    for place, layers, shapes in (
        ("encoder", spec.encoder, spec.encoder_shapes),
        ("decoder", spec.decoder, spec.decoder_shapes),
    ):
        for index, layer in enumerate(layers):
            before, after = shapes[index], shapes[index + 1]
            pixels = before if layer.transposed else after  # each tap of the kernel is used once for each of these
            area = layer.kernel[0] * layer.kernel[1] * pixels[1] * pixels[2]
            work.append((f"{place}.{index}", before[0] * after[0] * area))
    features = spec.encoder_shapes[-1][0] * spec.encoder_shapes[-1][1] * spec.encoder_shapes[-1][2]
    if spec.latent:
        middle, width = [("fc1", features * spec.latent)], spec.latent
        if spec.gru:
            for layer in range(spec.gru.layers):
                middle.append((f"gru.{layer}", 3 * spec.gru.hidden * (width + spec.gru.hidden)))
                width = spec.gru.hidden
        middle.append(("fc3", width * features))
        work[len(spec.encoder) : len(spec.encoder)] = middle
    return work


def training_step_flops(spec):
    """Forward and both backward passes by direct convolution; the input needs no gradient. A multiply-add is 2."""
    work = forward_multiply_adds(spec)
    frames = spec.training.batch * spec.input.T
    return 2.0 * frames * (3 * sum(count for _, count in work) - work[0][1])
