"""A system's networks as an nn.ModuleDict with exactly the names of docs/spec.md. A value is [B, C, T, H, W]; a joined one has 2·B items."""

import torch
from torch import nn


def frames_of(value):
    """[B, C, T, H, W] → [B·T, C, H, W]"""
    return value.transpose(1, 2).flatten(0, 1)


def clips_of(frames, steps):
    """[B·T, C, H, W] → [B, C, T, H, W]"""
    return frames.unflatten(0, (-1, steps)).transpose(1, 2)


def whole_shape(sizes, steps):
    """[C], [C, H, W] (of each of so many frames) or [C, T, H, W], as [C, T, H, W]."""
    if len(sizes) == 4:
        return tuple(sizes)
    return (sizes[0], steps, *(sizes[1:] or (1, 1)))


class Linear(nn.Linear):
    def __init__(self, features_in, keys):
        self.over = keys.over
        self.shape_out = tuple(keys.shape or (keys.features, 1, 1))
        super().__init__(features_in, self.shape_out[0] * self.shape_out[1] * self.shape_out[2], bias=keys.bias)

    def forward(self, value):
        if self.over == "clip":
            return super().forward(value.flatten(1)).unflatten(1, self.shape_out).unsqueeze(2)
        frames = super().forward(value.transpose(1, 2).flatten(2))
        return frames.unflatten(2, self.shape_out).transpose(1, 2)


class FrameWise:
    """A module of PyTorch that takes frames."""

    def forward(self, value):
        return clips_of(super().forward(frames_of(value)), value.shape[2])


class Conv(FrameWise, nn.Conv2d):
    pass


class ConvTranspose(FrameWise, nn.ConvTranspose2d):
    pass


class Upsample(FrameWise, nn.Upsample):
    pass


class BatchNorm(nn.BatchNorm3d):
    """Of a copy in C's order: PyTorch 2.13's gradient of a [B, C, T, 1, 1] that lies otherwise is wrong (docs/log/pytorch.md)."""

    def forward(self, value):
        return super().forward(value.contiguous())


class Reshape(nn.Module):
    """Of each frame the order C, H, W stays; of a clip C, T, H, W."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes

    def forward(self, value):
        if len(self.sizes) == 4:
            return value.flatten(1).unflatten(1, self.sizes)
        shape = whole_shape(self.sizes, value.shape[2])
        return value.transpose(1, 2).flatten(2).unflatten(2, (shape[0], *shape[2:])).transpose(1, 2)


class GRU(nn.GRU):
    def forward(self, value, state=None):
        """[B, F, T, 1, 1], state: [layers, B, hidden] or None → [B, hidden, T, 1, 1]"""
        return super().forward(value.flatten(2).transpose(1, 2).contiguous(), state)[0].transpose(1, 2)[..., None, None]


class Concat(nn.Module):
    def forward(self, *values):
        return torch.cat(values, 1)


class Add(nn.Module):
    def forward(self, *values):
        return sum(values[1:], values[0])


class Dropout(nn.Module):
    """By the factors that are given: 0 or 1 / (1 − p)."""

    def forward(self, value, factors=None):
        return value if factors is None else value * factors


def own_module(layer, shape):
    """shape: [B, C, T, H, W] of what it reads."""
    keys, channels = layer.keys, shape[1]
    if layer.kind in ("conv", "conv_transpose"):
        arguments = {"kernel_size": keys.kernel, "stride": keys.stride, "padding": keys.padding, "bias": keys.bias}
        if layer.kind == "conv":
            return Conv(channels, keys.channels, **arguments)
        return ConvTranspose(channels, keys.channels, output_padding=keys.output_padding, **arguments)
    if layer.kind == "linear":
        frames = shape[2] if keys.over == "clip" else 1
        return Linear(channels * frames * shape[3] * shape[4], keys)
    if layer.kind == "gru":
        return GRU(channels, keys.hidden, keys.layers, batch_first=True)
    if "_pool" in layer.kind:
        return pool_module(layer)
    makers = {"reshape": lambda: Reshape(keys.to), "upsample": lambda: Upsample(scale_factor=keys.scale), "concat": Concat, "add": Add}
    return makers[layer.kind]()


class AvgPool(nn.AvgPool3d):
    """Padded beforehand: PyTorch's wants an input that is as large as the kernel without its padding."""

    def __init__(self, kernel, stride, padding):
        super().__init__(kernel, stride)
        self.around = [size for size in reversed(padding) for _ in range(2)]

    def forward(self, value):
        return super().forward(nn.functional.pad(value, self.around))


def pool_module(layer):
    """Of frames as of clips: PyTorch's modules for volumes, with windows of one frame."""
    keys = layer.keys
    kernel, padding = keys.kernel, keys.padding
    stride = keys.stride or kernel
    if not layer.kind.endswith("3d"):
        kernel, stride, padding = (1, *kernel), (1, *stride), (0, *padding)
    make = nn.MaxPool3d if layer.kind.startswith("max") else AvgPool
    return make(kernel, stride, padding)


def activation_module(layer):
    name = layer.keys.kind if layer.kind == "activation" else layer.keys.activation
    if name == "leaky_relu":
        return nn.LeakyReLU(layer.keys.slope)
    makers = {"relu": nn.ReLU, "elu": nn.ELU, "silu": nn.SiLU, "softplus": nn.Softplus, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
    return makers[name]()


class Network(nn.Sequential):
    """An nn.Sequential over its modules, whose layers may read other results than the one before them."""

    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        self.shapes = []  # (layer, what it gives: [C, T, H, W])

    def make_modules(self, layer, values):
        """Those of the layer, for values of these shapes."""
        makers = {
            "own": lambda value: own_module(layer, value.shape),
            "norm": lambda value: BatchNorm(value.shape[1], eps=layer.keys.epsilon, momentum=layer.keys.momentum),
            "activation": lambda value: activation_module(layer),
            "dropout": lambda value: Dropout(),
        }
        for part, number in layer.modules.items():
            module = makers[part](values[0]).eval()
            self.append(module)
            assert len(self) == number + 1
            values = [module(*values)]

    def forward(self, inputs, draw):
        """Values by name, and the last layer's result as "". draw(kind, module's number, value): factors or a state, or None."""
        results = dict(zip(self.spec.inputs, inputs))
        value = inputs[0]
        for layer in self.spec.layers:
            names = layer.keys["from"]
            values = [results[name] for name in names] if names else [value]
            if len(self) <= max(layer.modules.values()):
                self.make_modules(layer, values)
            for part, number in layer.modules.items():
                arguments = values
                if part == "dropout" or layer.kind == "gru":
                    arguments = [values[0], draw("state" if layer.kind == "gru" else "dropout", number, values[0])]
                values = [self[number](*arguments)]
                if part == "own" and layer.keys.get("tap"):
                    results[layer.keys.tap] = values[0]
            value = values[0]
            if layer.keys.name:
                results[layer.keys.name] = value
            if not any(known is layer for known, _ in self.shapes):
                self.shapes.append((layer, tuple(value.shape[1:])))
        return results | {"": value}


def initialize(networks, system):
    """PyTorch's defaults, but for what `initial` says."""
    initial = system.initial
    for name, network in networks.items():
        for layer in network.spec.layers:
            norm = network[layer.modules["norm"]] if "norm" in layer.modules else None
            if norm is not None and initial.norm:
                nn.init.normal_(norm.weight, 1, initial.norm["normal"])
            if layer.kind not in ("conv", "conv_transpose", "linear"):
                continue
            product, weights = network[layer.modules["own"]], initial.weights
            if weights == "xavier":
                nn.init.xavier_uniform_(product.weight)
            elif weights and "normal" in weights:
                nn.init.normal_(product.weight, 0, weights["normal"])
            elif weights:
                nn.init.kaiming_normal_(product.weight, a=layer.keys.slope, nonlinearity=weights["kaiming"])
            if initial.bias is not None and product.bias is not None:
                nn.init.constant_(product.bias, initial.bias)
