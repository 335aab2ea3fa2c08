"""A spec of language version 2 as Python data: an independent reader, as specification.py is of version 1.

It is strict about keys and types, but leaves the language's other rules to the compiler (`zoetrope check`): what it is given is valid.
"""

import re
from dataclasses import dataclass, field

import yaml

from specification import INPUT_KEYS, REQUIRED, TRAINING_KEYS, Section, SpecError, StrictLoader
from specification import anything, boolean, integer, number, number_pair, one_of, pair, read_section, text


class CoreLoader(StrictLoader):
    """YAML 1.2's core schema: `on`, `no` and `1:30` are words."""

    yaml_implicit_resolvers = {}


for tag, pattern, first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), first)


def list_of(reader):
    def read(value):
        if not isinstance(value, list):
            raise SpecError(f"not a list: {value!r}")
        return [reader(item) for item in value]

    return read


def triple(value):
    """One number, or [time, vertical, horizontal]."""
    values = value if isinstance(value, list) else [value] * 3
    if len(values) != 3:
        raise SpecError(f"neither one number nor three: {value!r}")
    return tuple(integer(v) for v in values)


def mapping(value):
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise SpecError(f"not a section of names: {value!r}")
    return value


def one_or_more(value):
    return [text(item) for item in value] if isinstance(value, list) else [text(value)]


sizes = list_of(integer)
ACTIVATIONS = ("none", "relu", "leaky_relu", "elu", "silu", "softplus", "sigmoid", "tanh")

PLACE_KEYS = {"from": (one_or_more, None), "name": (text, None)}
NORM_KEYS = {"epsilon": (number, 1e-5), "momentum": (number, 0.1)}
PRODUCT_KEYS = PLACE_KEYS | NORM_KEYS | {
    "tap": (text, None),
    "bias": (boolean, True),
    "norm": (one_of("none", "batch"), "none"),
    "activation": (one_of(*ACTIVATIONS), "none"),
    "slope": (number, 0.01),
    "dropout": (number, 0.0),
}
CONV_KEYS = PRODUCT_KEYS | {
    "channels": (integer, REQUIRED),
    "kernel": (pair, REQUIRED),
    "stride": (pair, (1, 1)),
    "padding": (pair, (0, 0)),
}
LINEAR_KEYS = PRODUCT_KEYS | {"features": (integer, None), "shape": (sizes, None), "over": (one_of("frame", "clip"), "frame")}
POOL_KEYS = PLACE_KEYS | {"kernel": (pair, REQUIRED), "stride": (pair, None), "padding": (pair, (0, 0))}
POOL_3D_KEYS = PLACE_KEYS | {"kernel": (triple, REQUIRED), "stride": (triple, None), "padding": (triple, (0, 0, 0))}
LAYER_KEYS = {
    "conv": CONV_KEYS,
    "conv_transpose": CONV_KEYS | {"output_padding": (pair, (0, 0))},
    "linear": LINEAR_KEYS,
    "reshape": PLACE_KEYS | {"to": (sizes, REQUIRED)},
    "gru": PLACE_KEYS
    | {"hidden": (integer, REQUIRED), "layers": (integer, 1), "initial_state": (one_of("normal", "zeros"), "zeros")},
    "upsample": PLACE_KEYS | {"scale": (pair, (2, 2))},
    "max_pool": POOL_KEYS,
    "avg_pool": POOL_KEYS,
    "max_pool3d": POOL_3D_KEYS,
    "avg_pool3d": POOL_3D_KEYS,
    "concat": PLACE_KEYS,
    "add": PLACE_KEYS,
    "norm": PLACE_KEYS | NORM_KEYS | {"kind": (one_of("batch"), REQUIRED)},
    "activation": PLACE_KEYS | {"kind": (one_of(*ACTIVATIONS[1:]), REQUIRED), "slope": (number, 0.01)},
    "dropout": PLACE_KEYS | {"p": (number, REQUIRED)},
}
PRODUCTS = ("conv", "conv_transpose", "linear")
LATER = ("conv3d", "conv_transpose3d", "conv_lstm", "memory")
SHORT_FORMS = {"reshape": "to", "norm": "kind", "activation": "kind", "dropout": "p"}

NETWORK_KEYS = {
    "inputs": (list_of(text), ["x"]),
    "defaults": (mapping, {}),
    "layers": (anything, REQUIRED),
    "like": (text, None),
    "frozen": (boolean, False),
}
NOISE_KEYS = {
    "shape": (sizes, REQUIRED),
    "distribution": (one_of("normal", "uniform"), "normal"),
    "range": (number_pair, (-1.0, 1.0)),
}
TERM_KINDS = {"mse": 2, "l1": 2, "bce_with_logits": 2, "bce": 2, "kl": 2, "gradient_difference": 2, "entropy": 1, "mean": 1}
TERM_KEYS = {kind: (anything, None) for kind in TERM_KINDS} | {
    "reduce": (one_of("mean", "sum"), "mean"),
    "weight": (number, 1.0),
    "epsilon": (number, 1e-7),
    "over_time": (one_of("even", "falling"), "even"),
    "only": (one_of("score"), None),
}
STEP_KEYS = {
    "update": (mapping, REQUIRED),
    "noise": (one_of("new", "kept"), "new"),
    "batch": (one_of("same", "next", "each"), "same"),
    "times": (integer, 1),
    "every": (integer, 1),
}
SCHEDULE_KEYS = {
    "name": (one_of("exponential", "step", "cosine", "linear"), REQUIRED),
    "gamma": (number, None),
    "every": (integer, 1),
    "at": (list_of(integer), ()),
    "to": (number, 0.0),
    "over": (integer, None),
}
OPTIMIZER_KEYS = {
    "name": (one_of("adam", "adamw", "sgd", "rmsprop"), "adam"),
    "learning_rate": (number, None),  # torch.optim's
    "betas": (number_pair, (0.9, 0.999)),
    "alpha": (number, 0.99),
    "epsilon": (number, 1e-8),
    "weight_decay": (number, None),  # torch.optim's
    "momentum": (number, 0.0),
    "nesterov": (boolean, False),
    "schedule": (anything, None),
    "warm_up": (integer, 0),
    "clip_norm": (number, None),
}
SYSTEM_KEYS = {
    "version": (integer, REQUIRED),
    "name": (text, REQUIRED),
    "input": (anything, REQUIRED),
    "noise": (mapping, {}),
    "networks": (mapping, REQUIRED),
    "values": (mapping, {}),
    "losses": (mapping, {}),
    "steps": (list_of(anything), None),
    "outputs": (mapping, {}),
    "score": (anything, None),
    "search": (anything, None),
    "initial": (anything, {}),
    "precision": (one_of("f32", "bf16"), "f32"),
    "optimizer": (anything, None),
    "optimizers": (mapping, None),
    "average": (number, None),
    "training": (anything, {}),
}
SCORE_KEYS = {"sum": (mapping, None), "per": (one_of("clip", "frame"), None), "first_frame": (integer, 0)}
SEARCH_KEYS = {"noise": (text, REQUIRED), "steps": (integer, REQUIRED), "optimizer": (anything, {})}
INITIAL_KEYS = {"weights": (anything, None), "bias": (number, None), "norm": (anything, None)}


@dataclass(eq=False)
class Value:
    """A node of the expressions. Every call that is written is one; operands are made before what reads them."""

    kind: str  # x, noise, call, result, or a function's name
    operands: list = field(default_factory=list)
    name: str = ""  # of the noise, the network, or the layer
    number: int = 0  # of the network's calls
    numbers: tuple = ()  # which half; first frame and count
    in_outputs: bool = False


@dataclass
class Term:
    kind: str
    value: Value
    other: object  # a Value, a number, or None
    keys: Section


@dataclass
class Step:
    updates: dict  # network: {loss: factor}
    draw: int  # the step whose draw it reads
    batch_of: int  # the step whose batch it reads; −1: the iteration's first
    keys: Section


@dataclass
class Layer:
    kind: str
    keys: Section
    modules: dict  # own, norm, activation, dropout: number in the nn.Sequential, where it has one


@dataclass
class System:
    name: str
    input: Section
    training: Section
    average: float | None
    noises: dict
    networks: dict  # name: Section(inputs, layers, frozen)
    initial: Section
    x: Value = field(default_factory=lambda: Value("x"))
    nodes: list = field(default_factory=list)  # in the order in which they are computed
    calls: dict = field(default_factory=dict)  # network: its calls
    values: dict = field(default_factory=dict)
    losses: dict = field(default_factory=dict)  # name: [Term]
    steps: list = field(default_factory=list)
    optimizers: dict = field(default_factory=dict)  # of networks that are not frozen
    outputs: dict = field(default_factory=dict)
    score: Section | None = None  # sum (None: of the reconstruction), per, first_frame
    search: Section | None = None

    @property
    def clip_shape(self):
        """[B, T, C, H, W]"""
        size = self.input
        return (self.training.batch, size.T, size.channels, size.height, size.width)


# ---- networks ----


def read_layer(place, value, defaults, count):
    """count: modules before it."""
    if not isinstance(value, dict) or len(value) != 1:
        raise SpecError(f"{place}: not one layer")
    kind, keys = next(iter(value.items()))
    if kind in LATER:
        raise NotImplementedError(f"{place}: {kind}")
    if kind not in LAYER_KEYS:
        raise SpecError(f"{place}: unknown layer '{kind}'")
    if kind in SHORT_FORMS and not isinstance(keys, dict):
        keys = {SHORT_FORMS[kind]: keys}
    if kind in PRODUCTS:
        inherited = {key: value for key, value in defaults.items() if key in LAYER_KEYS[kind]}
        if "features" in keys or "shape" in keys:
            inherited = {key: value for key, value in inherited.items() if key not in ("features", "shape")}
        keys = inherited | keys
    keys = read_section(place, keys, LAYER_KEYS[kind])
    has = {
        "own": kind not in ("norm", "activation", "dropout"),
        "norm": kind == "norm" or kind in PRODUCTS and keys.norm != "none",
        "activation": kind == "activation" or kind in PRODUCTS and keys.activation != "none",
        "dropout": kind == "dropout" or kind in PRODUCTS and keys.dropout > 0,
    }
    parts = [part for part in has if has[part]]
    return Layer(kind, keys, {part: count + index for index, part in enumerate(parts)})


def read_network(name, value, others):
    if isinstance(value, list):
        value = {"layers": value}
    if "like" in value:
        return Section(others[value["like"]] | {"frozen": value.get("frozen", False)})
    section = read_section(name, value, NETWORK_KEYS)
    layers, count = [], 0
    for index, layer in enumerate(section.layers):
        layers.append(read_layer(f"{name}[{index}]", layer, section.defaults, count))
        count += len(layers[-1].modules)
    return Section(inputs=section.inputs, layers=layers, frozen=section.frozen)


def read_networks(values):
    """`like` may name a network below."""
    networks, waiting = {}, dict(values)
    while waiting:
        ready = [name for name, value in waiting.items() if isinstance(value, list) or value.get("like", "") not in waiting]
        if not ready:
            raise SpecError(f"networks are like each other: {', '.join(waiting)}")
        for name in ready:
            networks[name] = read_network(name, waiting.pop(name), networks)
    return {name: networks[name] for name in values}


# ---- expressions ----

FUNCTIONS = {"sample": 0, "join": 0, "half": 1, "frames": 2, "concat": 0, "add": 0, "unit": 0, "detach": 0}  # numbers at the end
TOKEN = re.compile(r"\s*([A-Za-z_]\w*(?:\.\w+)?|[-+.\d][\w.+-]*|[(),])")


class ExpressionReader:
    def __init__(self, system, source, in_outputs=False):
        self.system, self.in_outputs = system, in_outputs
        self.source, self.tokens = source, TOKEN.findall(text(source))

    def read(self):
        value = self.expression()
        if self.tokens or not isinstance(value, Value):
            raise SpecError(f"not an expression: {self.source!r}")
        return value

    def expression(self):
        token = self.tokens.pop(0)
        if not re.match(r"[A-Za-z_]", token):
            return int(token)
        if self.tokens[:1] == ["("]:
            return self.call(token)
        if "." in token:
            name, layer = token.split(".")
            return self.add(Value("result", [self.named(name)], layer))
        return self.named(token)

    def named(self, name):
        if name == "x":
            return self.system.x
        if name not in self.system.values:
            raise SpecError(f"unknown name {name!r} in {self.source!r}")
        return self.system.values[name]

    def call(self, name):
        operands = []
        while self.tokens.pop(0) != ")":
            operands.append(self.expression())
        if name in FUNCTIONS:
            count = len(operands) - FUNCTIONS[name]
            return self.add(Value(name, operands[:count], numbers=tuple(operands[count:])))
        calls = self.system.calls[name]
        calls.append(self.add(Value("call", operands, name, len(calls), in_outputs=self.in_outputs)))
        return calls[-1]

    def add(self, value):
        self.system.nodes.append(value)
        return value


# ---- losses, steps, optimizers ----


def read_term(system, place, value):
    keys = read_section(place, value, TERM_KEYS)
    kinds = [kind for kind in TERM_KINDS if keys[kind] is not None]
    if len(kinds) != 1 or len(keys[kinds[0]]) != TERM_KINDS[kinds[0]]:
        raise SpecError(f"{place}: not one kind with its arguments")
    arguments = [item if isinstance(item, (int, float)) else ExpressionReader(system, item).read() for item in keys[kinds[0]]]
    return Term(kinds[0], arguments[0], arguments[1] if len(arguments) > 1 else None, keys)


def weighed(value):
    if isinstance(value, str):
        return {value: 1.0}
    return {name: 1.0 for name in value} if isinstance(value, list) else {name: number(factor) for name, factor in value.items()}


def read_steps(system, values):
    if values is None:
        losses = {name: 1.0 for name, terms in system.losses.items() if terms[0].keys.only is None}
        values = [{"update": {name: losses for name, network in system.networks.items() if not network.frozen}}]
    steps, draw, batch_of = [], 0, -1
    for index, value in enumerate(values):
        keys = read_section(f"steps[{index}]", value, STEP_KEYS)
        draw = draw if keys.noise == "kept" else index
        batch_of = batch_of if keys.batch == "same" else index
        steps.append(Step({name: weighed(losses) for name, losses in keys["update"].items()}, draw, batch_of, keys))
    return steps


def read_optimizer(place, value):
    optimizer = read_section(place, value, OPTIMIZER_KEYS)
    if optimizer.schedule is not None:
        optimizer["schedule"] = read_section(f"{place}.schedule", optimizer.schedule, SCHEDULE_KEYS)
    return optimizer


def read_optimizers(system, one, each):
    optimizers = {}
    for name, network in system.networks.items():
        if not network.frozen:
            value = (each.get(name) or each["all"]) if each is not None else one or {}
            optimizers[name] = read_optimizer(f"optimizers.{name}", value)
    return optimizers


def read_score(system, value):
    if value is None:
        return Section(sum=None, per="frame", first_frame=0) if "reconstruction" in system.outputs else None
    score = read_section("score", value, SCORE_KEYS)
    score["sum"] = weighed(score.sum) if score.sum is not None else None
    score["per"] = score.per or ("clip" if score.sum else "frame")
    return score


def parse_system(source):
    values = read_section("spec", yaml.load(source, CoreLoader), SYSTEM_KEYS)
    if values.version != 2:
        raise SpecError("version is not 2")
    input_keys = INPUT_KEYS | {"T": (integer, 1)}
    system = System(
        name=values.name,
        input=read_section("input", values.input, input_keys),
        training=read_section("training", values.training, TRAINING_KEYS),
        average=values.average,
        noises={name: read_section(f"noise.{name}", noise, NOISE_KEYS) for name, noise in values.noise.items()},
        networks=read_networks(values.networks),
        initial=read_section("initial", values.initial, INITIAL_KEYS),
    )
    system.nodes.append(system.x)
    for name in system.noises:
        system.values[name] = Value("noise", name=name)
        system.nodes.append(system.values[name])
    system.calls = {name: [] for name in system.networks}
    for name, expression in values["values"].items():
        system.values[name] = ExpressionReader(system, expression).read()
    for name, terms in values.losses.items():
        terms = terms if isinstance(terms, list) else [terms]
        system.losses[name] = [read_term(system, f"losses.{name}", term) for term in terms]
    for name, expression in values.outputs.items():
        system.outputs[name] = ExpressionReader(system, expression, in_outputs=True).read()
    system.steps = read_steps(system, values.steps)
    system.optimizers = read_optimizers(system, values.optimizer, values.optimizers)
    system.score = read_score(system, values.score)
    if values.search is not None:
        system.search = read_section("search", values.search, SEARCH_KEYS)
        system.search["optimizer"] = read_optimizer("search.optimizer", system.search.optimizer)
    return system


def read_system(path):
    with open(path, encoding="utf-8") as file:
        return parse_system(file.read())
