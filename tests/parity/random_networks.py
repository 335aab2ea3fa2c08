"""Networks of random layers for random_systems.py: what they give is known by shape, range, and last activation."""

import itertools
from dataclasses import dataclass, replace

KERNELS, STRIDES = range(1, 16), range(1, 5)
MOST_FEATURES, MOST_PIXELS, MOST_WEIGHTS = 24, 24, 60_000
FEWEST_VALUES_OF_A_NORM = 12  # a channel; of two values batch norm makes ±1 whatever they are, and gradients vanish
ACTIVATIONS = ("none", "relu", "leaky_relu", "elu", "silu", "softplus", "sigmoid", "tanh")
RANGES = {"sigmoid": "unit", "tanh": "centred", "softplus": "positive", "relu": "positive"}


@dataclass(frozen=True)
class Known:
    """An expression, or a result in a network."""

    text: str
    shape: tuple  # C, T, H, W
    range: str = "any"  # unit: 0 to 1; centred: −1 to 1; positive; any
    last: str = "unknown"  # activation, as `bce` asks for it: sigmoid, other, unknown; mixed: of a join of both
    joined: bool = False
    network: str = ""  # of a call, which can have results
    results: tuple = ()  # of that call: (name, Known)


def size_after(transposed, size, kernel, stride, padding, output_padding):
    if transposed:
        return (size - 1) * stride - 2 * padding + kernel + output_padding
    return (size + 2 * padding - kernel) // stride + 1 if size + 2 * padding >= kernel else 0


def axis_choices(transposed, before, after=None):
    """All (kernel, stride, padding, output padding) that lead from one size to the other (None: to one that is not too large)."""
    choices = []
    for kernel, stride in itertools.product(KERNELS, STRIDES):
        for padding, output_padding in itertools.product(range(min(kernel, 8)), range(min(stride, 4) if transposed else 1)):
            size = size_after(transposed, before, kernel, stride, padding, output_padding)
            if size == after or after is None and 1 <= size <= min(MOST_PIXELS, 2 * before + 2):
                choices.append((kernel, stride, padding, output_padding, size))
    return choices


def one_or_more(numbers):
    return numbers[0] if len(set(numbers)) == 1 else list(numbers)


class NetworkMaker:
    def __init__(self, draw, batch, name):
        self.draw, self.batch, self.name = draw, batch, name
        self.layers, self.results, self.used = [], {}, 0

    def new_name(self, word):
        self.used += 1
        return f"{word}_{self.used}"

    # ---- what follows a product ----

    def finish(self, keys, shape, activation=None, norm=None, plain=False):
        """Norm, activation and dropout of a product; returns what it gives."""
        draw = self.draw
        values = self.batch * shape[1] * shape[2] * shape[3]
        norm = draw.random() < 0.3 if norm is None else norm
        if norm and not plain and values >= FEWEST_VALUES_OF_A_NORM:
            keys["norm"] = "batch"
            keys["bias"] = draw.random() < 0.15  # a gradient that is zero by mathematics: allowed, but seldom
            if draw.random() < 0.2:
                keys |= {"epsilon": draw.choice((1e-4, 1e-3)), "momentum": draw.choice((0.01, 0.3, 1))}
        elif draw.random() < 0.3:
            keys["bias"] = draw.random() < 0.5
        activation = draw.choice(ACTIVATIONS) if activation is None else activation
        if activation != "none":
            keys["activation"] = activation
        if activation == "leaky_relu" and draw.random() < 0.5:
            keys["slope"] = draw.choice((0.1, 0.2, 0.3))
        if not plain and draw.random() < 0.15:
            keys["dropout"] = draw.choice((0.2, 0.5))
        kind = "any" if "dropout" in keys else RANGES.get(activation, "any")
        return Known("", shape, kind, "sigmoid" if activation == "sigmoid" else "other")

    def add(self, kind, keys, known, named=None):
        """named: a word for its name, which is given anyhow; else seldom."""
        draw = self.draw
        if kind in ("conv", "conv_transpose", "linear") and draw.random() < 0.12:
            tap = self.new_name("tap")
            keys["tap"] = tap
            self.results[tap] = Known(tap, known.shape, "any", "other")
        if named or draw.random() < 0.2:
            name = self.new_name(named or "h")
            keys["name"] = name
            known = replace(known, text=name)
            self.results[name] = known
        self.layers.append({kind: keys})
        return known

    # ---- layers ----

    def conv(self, before, after=None, channels=None, **finish):
        """after: [H, W] that must come out. None, if nothing leads there."""
        draw = self.draw
        transposed = draw.random() < 0.4
        axes = []
        for axis in (2, 3):
            choices = axis_choices(transposed, before.shape[axis], after and after[axis - 2])
            near = [choice for choice in choices if choice[0] <= 5]
            if not choices:
                return None
            axes.append(draw.choice(near if near and draw.random() < 0.75 else choices))
        kernel, stride, padding, output_padding, size = zip(*axes)
        channels = channels or draw.randrange(1, 21)
        if kernel[0] * kernel[1] * channels * before.shape[0] > MOST_WEIGHTS:
            return None
        keys = {"channels": channels, "kernel": one_or_more(kernel)}
        for key, value, default in (("stride", stride, 1), ("padding", padding, 0), ("output_padding", output_padding, 0)):
            if value != (default, default):
                keys[key] = one_or_more(value)
        known = self.finish(keys, (channels, before.shape[1], *size), **finish)
        return self.add("conv_transpose" if transposed else "conv", keys, known)

    def linear(self, before, shape=None, over=None, named=None, source=None, **finish):
        """shape: [C, H, W]; None: a vector."""
        draw = self.draw
        over = over or ("clip" if draw.random() < 0.2 else "frame")
        C, T, H, W = before.shape
        features_in = C * H * W * (T if over == "clip" else 1)
        out = shape or (draw.randrange(1, MOST_FEATURES + 1), 1, 1)
        if features_in * out[0] * out[1] * out[2] > MOST_WEIGHTS * 4:
            return None
        keys = {"features": out[0]} if out[1:] == (1, 1) and (not shape or draw.random() < 0.5) else {"shape": list(out)}
        if source:
            keys["from"] = source
        if over == "clip":
            keys["over"] = "clip"
        known = self.finish(keys, (out[0], 1 if over == "clip" else T, *out[1:]), **finish)
        return self.add("linear", keys, known, named)

    def gru(self, before):
        C, T, H, W = before.shape
        if (H, W) != (1, 1):
            return None
        keys = {"hidden": self.draw.randrange(1, 20)}
        if self.draw.random() < 0.3:
            keys["layers"] = 2
        if self.draw.random() < 0.6:
            keys["initial_state"] = "normal"
        return self.add("gru", keys, Known("", (keys["hidden"], T, 1, 1), "centred", "other"))

    def reshape(self, before):
        C, T, H, W = before.shape
        choices = [[C * H * W], [C * H * W, 1, 1], [C * W, 1, H], [C * T, 1, H, W], [C, 1, T * H, W], [C * H * W * T, 1, 1, 1], [C, T, W, H]]
        to = self.draw.choice([to for to in choices if max(to[-2:]) <= MOST_PIXELS or len(to) == 1])
        shape = tuple(to) if len(to) == 4 else (to[0], T, *(to[1:] or (1, 1)))
        keys = {"to": to}
        return self.add("reshape", keys, replace(before, text="", shape=shape))

    def upsample(self, before):
        C, T, H, W = before.shape
        scale = (self.draw.choice((1, 2, 3)), self.draw.choice((1, 2, 2)))
        if max(H * scale[0], W * scale[1]) > MOST_PIXELS:
            return None
        keys = {} if scale == (2, 2) and self.draw.random() < 0.5 else {"scale": one_or_more(scale)}
        return self.add("upsample", keys, Known("", (C, T, H * scale[0], W * scale[1]), before.range))

    def pool(self, before):
        """Over height and width, or over time too."""
        draw = self.draw
        C, T, H, W = before.shape
        volume = draw.random() < 0.5
        kind = draw.choice(("max_pool", "avg_pool")) + ("3d" if volume else "")
        axes = []
        for size in (T, H, W) if volume else (H, W):
            choices = [(kernel, stride, padding, size_after(False, size, kernel, stride, padding, 0))
                       for kernel in (1, 2, 2, 2, 3, 3, 4, 5) for stride in (kernel, kernel, 1, 2, 3) for padding in range(kernel // 2 + 1)]
            axes.append(draw.choice([choice for choice in choices if choice[3] >= 1]))
        kernel, stride, padding, after = zip(*axes)
        keys = {"kernel": one_or_more(kernel)}
        if stride != kernel:
            keys["stride"] = one_or_more(stride)
        if any(padding):
            keys["padding"] = one_or_more(padding)
        return self.add(kind, keys, Known("", (C, *(after if volume else (T, *after))), before.range))

    def alone(self, before):
        """norm, activation or dropout as a layer."""
        draw = self.draw
        kind = draw.choice(("norm", "activation", "dropout"))
        C, T, H, W = before.shape
        if kind == "norm":
            if self.batch * T * H * W < FEWEST_VALUES_OF_A_NORM:
                return None
            return self.add("norm", {"kind": "batch"}, Known("", before.shape, "any", "other"))
        if kind == "dropout":
            return self.add("dropout", {"p": draw.choice((0.1, 0.4, 0.5))}, Known("", before.shape))
        name = draw.choice(ACTIVATIONS[1:])
        keys = {"kind": name} | ({"slope": 0.2} if name == "leaky_relu" and draw.random() < 0.5 else {})
        return self.add("activation", keys, Known("", before.shape, RANGES.get(name, "any"), "sigmoid" if name == "sigmoid" else "other"))

    def branch(self, before):
        """Two ways from a named result, joined by concat or add."""
        if not before.text:
            return None
        C, T, H, W = before.shape
        kind = self.draw.choice(("concat", "add"))
        way = self.conv(before, (H, W), C if kind == "add" else None)
        if way is None:
            return None
        if not way.text:
            name = self.new_name("way")
            next(iter(self.layers[-1].values()))["name"] = name
            way = replace(way, text=name)
            self.results[name] = way
        sources = self.draw.sample([before.text, way.text], 2)
        if kind == "concat" and self.draw.random() < 0.2:
            sources.append(before.text)
        channels = C if kind == "add" else sum(C if source == before.text else way.shape[0] for source in sources)
        if channels > 48:
            sources, channels = sources[:2], C + way.shape[0]
        return self.add(kind, {"from": sources}, Known("", (channels, T, H, W)), "both")

    def some_layers(self, before, count):
        known = before
        for _ in range(count):
            kinds = [self.conv, self.conv, self.conv, self.linear, self.gru, self.gru, self.reshape, self.upsample, self.pool, self.alone,
                     self.branch]
            known = self.draw.choice(kinds)(known) or known
        return known

    # ---- networks ----

    def start(self, inputs):
        """inputs: Known of each argument. Returns what the first layer reads, after the inputs came together."""
        names = [f"in_{index}" for index in range(len(inputs))] if len(inputs) > 1 or self.draw.random() < 0.5 else ["x"]
        known = [replace(value, text=name, last="unknown") for name, value in zip(names, inputs)]
        self.inputs = names
        if len(inputs) == 1:
            return known[0]
        if all(value.shape == known[0].shape for value in known) and self.draw.random() < 0.5:
            return self.add("add", {"from": names}, Known("", known[0].shape))
        if all(value.shape[1:] == known[0].shape[1:] for value in known):
            return self.add("concat", {"from": names}, Known("", (sum(value.shape[0] for value in known), *known[0].shape[1:])))
        frames = {value.shape[1] for value in known}
        flat = [self.linear(value, over="frame" if len(frames) == 1 else "clip", named="part", source=value.text) for value in known]
        if None in flat:
            return None
        return self.add("concat", {"from": [value.text for value in flat]}, Known("", (sum(value.shape[0] for value in flat), *flat[0].shape[1:])))

    def to_clip(self, before, clip, activation):
        """Ends at the shape of a clip."""
        draw = self.draw
        C, T, H, W = clip
        known = before
        if known.shape[1] != T:
            first = self.linear(known, (draw.randrange(1, 9) * T, 1, 1), "clip", plain=True)
            if first is None:
                return None
            shape = (first.shape[0] // T, T, 1, 1)
            known = self.add("reshape", {"to": list(shape)}, replace(first, text="", shape=shape))
        if draw.random() < 0.6 and known.shape[2] * known.shape[3] < H * W:
            known = self.linear(known, (draw.randrange(1, 9), draw.randrange(1, H + 1), draw.randrange(1, W + 1)), "frame")
        for last in range(4):
            final = known and draw.random() < 0.4 and self.conv(known, (H, W), C, activation=activation, norm=False, plain=True)
            if final:
                return final
            known = self.some_layers(known, 1) if known and known.shape[1] == T else None
            if known is None or known.shape[1] != T:
                return None
        return self.linear(known, (C, H, W), "frame", activation=activation, norm=False, plain=True)

    def heads(self, before):
        """Mean and log variance of one vector."""
        if not before.text or before.text in self.inputs:
            before = self.linear(before, over="frame", named="h", norm=False, activation="tanh")
            if before is None:
                return None
        features = (self.draw.randrange(1, 13), 1, 1)
        for word in ("mean", "log_variance"):
            known = self.linear(before, features, "frame", named=word, source=before.text, norm=False, activation="none", plain=True)
            if known is None:
                return None
        return known

    def section(self):
        """As a spec has it: with keys that most layers share in `defaults`, seldom."""
        layers = [shorten(self.draw, layer) for layer in self.layers]
        section = {} if self.inputs == ["x"] else {"inputs": self.inputs}
        products = [next(iter(layer.values())) for layer in layers if next(iter(layer)) in ("conv", "conv_transpose", "linear")]
        if products and self.draw.random() < 0.3:
            activation = products[0].get("activation", "none")
            section["defaults"] = {"activation": activation, "slope": 0.05}
            for keys in products:
                if keys.get("activation", "none") == activation:
                    keys.pop("activation", None)
                else:
                    keys.setdefault("activation", "none")
        if not section and self.draw.random() < 0.5:
            return layers
        return section | {"layers": layers}


def shorten(draw, layer):
    """`- dropout: 0.5` for `- dropout: {p: 0.5}`, half of the time."""
    kind, keys = next(iter(layer.items()))
    short = {"reshape": "to", "norm": "kind", "activation": "kind", "dropout": "p"}.get(kind)
    if short and list(keys) == [short] and draw.random() < 0.5:
        return {kind: keys[short]}
    return layer
