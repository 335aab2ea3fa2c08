"""Random systems that cover language version 2 and depend only on the seed. They are valid by construction, and small.

    python random_systems.py --out build/parity-cases/systems [--count 36] [--seed 0] [--check build/zoetrope]

Networks are drawn first, and called on what is known; then losses on what the calls give. Which network has a gradient by which loss is
asked of PyTorch (the twin); from that steps are drawn. What no loss reaches in all its parameters is frozen.
"""

import argparse
import random
import subprocess
import sys
from dataclasses import replace

import yaml

from random_networks import Known, NetworkMaker
from random_specs import write_specs
from random_steps import draw_evaluation, draw_steps, draw_training, reach_of_losses
from system_spec import CoreLoader

MOST_PARAMETERS = 150_000


class SystemMaker:
    def __init__(self, draw, name):
        self.draw = draw
        channels = draw.choice((1, 1, 3))
        T = draw.choice((1, 1, 2, 3, 4))
        self.clip = (channels, T, draw.randrange(4, 21), draw.randrange(4, 21))
        self.batch = draw.choice((1, 2, 3, 4))
        size = {"channels": channels, "height": self.clip[2], "width": self.clip[3]}
        self.system = {"version": 2, "name": name, "input": size if T == 1 and draw.random() < 0.5 else {"T": T} | size}
        self.noises, self.networks, self.values = {}, {}, {}
        self.arguments = {}  # network: Known of each input, last layer's Known, results
        self.known = [Known("x", self.clip, "centred")]

    def noise(self, shape):
        """An expression of that [C, T, H, W]."""
        draw, name = self.draw, f"noise_{len(self.noises)}"
        written = list(shape)
        if shape[1:] == (1, 1, 1) and draw.random() < 0.7:
            written = [shape[0]]
        elif shape[1] == 1 and draw.random() < 0.7:
            written = [shape[0], *shape[2:]]
        noise = {"shape": written}
        if draw.random() < 0.4:
            noise["distribution"] = "uniform"
            if draw.random() < 0.5:
                noise["range"] = draw.choice(([-0.5, 2], [0, 1], [-2, -1]))
        self.noises[name] = noise
        return Known(name, shape)

    def value(self, expression, known):
        name = f"v{len(self.values)}"
        self.values[name] = expression
        known = replace(known, text=name)
        self.known.append(known)
        return known

    # ---- networks and their calls ----

    def network(self, inputs, end):
        """A network of those inputs; its name, or None where what was drawn does not end well."""
        draw, name = self.draw, f"net{len(self.networks)}"
        maker = NetworkMaker(draw, self.batch, name)
        known = maker.start(inputs)
        known = known and maker.some_layers(known, draw.randrange(0, 4))
        if known is None:
            return None
        if end == "clip":
            known = maker.to_clip(known, self.clip, draw.choice(("tanh", "tanh", "sigmoid", "none")))
        elif end == "heads":
            known = maker.heads(known)
        elif end == "judge":
            known = maker.linear(known, (1, 1, 1), over="clip", norm=False, activation=draw.choice(("none", "none", "sigmoid")), plain=True)
        elif not maker.layers:
            known = maker.conv(known) or maker.linear(known, over="frame")
        if known is None or not maker.layers:
            return None
        self.networks[name] = maker.section()
        self.arguments[name] = inputs, known, dict(maker.results)
        return name

    def call(self, name, arguments):
        """The text of an argument may be a whole expression."""
        inputs, known, results = self.arguments[name]
        joined = arguments[0].joined
        value = self.value(f"{name}({', '.join(argument.text for argument in arguments)})", replace(known, joined=joined))
        mine = [replace(result, text=f"{value.text}.{key}", joined=joined) for key, result in results.items()]
        self.known += mine
        return value, {result.text.split(".")[1].rsplit("_", 1)[0]: result for result in mine}

    def new_network(self, end, inputs=None):
        for _ in range(20):
            arguments = inputs or [self.draw.choice(self.usable()) for _ in range(self.draw.choice((1, 1, 1, 2)))]
            name = self.network(arguments, end)
            if name:
                return self.call(name, arguments)
        return None, {}

    def usable(self):
        return [value for value in self.known if not value.joined and value.shape[0] * value.shape[2] * value.shape[3] < 3000]

    def alike(self, known, joined=False):
        return [value for value in self.known if value.shape == known.shape and value.joined == joined]

    def auto_encoder(self):
        """x → heads → sample → clip, or straight."""
        draw = self.draw
        if draw.random() < 0.6:
            _, results = self.new_network("heads", [self.known[0]])
            if "mean" not in results:
                return
            mean, log_variance = results["mean"], results["log_variance"]
            noise = self.noise(mean.shape)
            sample = Known(f"sample({mean.text}, {log_variance.text}, {noise.text})", mean.shape)
            code = sample if draw.random() < 0.5 else self.value(sample.text, sample)
            decoded, _ = self.new_network("clip", [code])
            if decoded and draw.random() < 0.5:
                self.call(f"net{len(self.networks) - 1}", [mean])
        else:
            code, _ = self.new_network("any", [self.known[0]])
            if code:
                self.new_network("clip", [code])

    def adversary(self):
        """Noise → clip, and one that tells the clips apart: twice called, or once on a joined batch."""
        draw = self.draw
        z = self.noise(draw.choice(((draw.randrange(1, 13), 1, 1, 1), (draw.randrange(1, 4), self.clip[1], 2, 3))))
        drawn, _ = self.new_network("clip", [z])
        if not drawn:
            return
        self.known.append(z)
        name = self.network([self.known[0]], "judge")
        if not name:
            return
        others = [value for value in self.alike(self.known[0]) if value.text != "x"]
        if draw.random() < 0.5:
            joined = Known(f"join(x, {drawn.text})", self.clip, joined=True)
            seen, results = self.call(name, [joined])
            for value in [seen, *results.values()]:
                self.known += [replace(value, text=f"half({value.text}, {half})", joined=False) for half in (1, 2)]
        else:
            self.call(name, [self.known[0]])
            for other in draw.sample(others, min(len(others), 2)):
                self.call(name, [other])

    def like(self, other):
        """Another network of the same layers, which reads what that one reads, or what it gives if the shape is the same."""
        name = f"net{len(self.networks)}"
        inputs, known, results = self.arguments[other]
        self.networks[name] = {"like": other}
        self.arguments[name] = inputs, known, results
        arguments = [self.draw.choice(self.alike(known) or [known]) for known in inputs]
        if len(inputs) == 1 and self.draw.random() < 0.5:
            first = Known(f"{other}({arguments[0].text})", known.shape)
            arguments = [first] if first.shape == inputs[0].shape else arguments
        self.call(name, arguments)

    def functions(self):
        draw = self.draw
        for _ in range(draw.randrange(0, 4)):
            value = draw.choice(self.known)
            kind = draw.choice(("frames", "unit", "detach", "add", "concat", "join", "name", "again", "like"))
            others = self.alike(value, value.joined)
            if kind == "frames" and value.shape[1] > 1:
                first = draw.randrange(0, value.shape[1])
                count = draw.randrange(1, value.shape[1] - first + 1)
                self.value(f"frames({value.text}, {first}, {count})", replace(value, shape=(value.shape[0], count, *value.shape[2:])))
            elif kind == "unit" and value.range in ("centred", "unit"):
                self.value(f"unit({value.text})", replace(value, range="unit", last="unknown"))
            elif kind == "detach":
                self.value(f"detach({value.text})", value)
            elif kind in ("add", "concat"):
                other = draw.choice(others)
                channels = value.shape[0] * (2 if kind == "concat" else 1)
                known = Known("", (channels, *value.shape[1:]), joined=value.joined)
                self.value(f"{kind}({value.text}, {other.text})", known)
            elif kind == "name":
                self.value(value.text, value)
            elif kind == "join" and not value.joined:
                other = draw.choice(others)
                known = replace(value, joined=True, range=value.range if value.range == other.range else "any")
                known = replace(known, last=value.last if value.last == other.last else "mixed")
                self.value(f"join({value.text}, {other.text})", known)
            elif kind == "again" and self.networks:
                name = draw.choice(list(self.networks))
                arguments = [draw.choice(self.alike(known) or [known]) for known in self.arguments[name][0]]
                if all(argument.shape == known.shape for argument, known in zip(arguments, self.arguments[name][0])):
                    self.call(name, arguments)
            elif kind == "like" and self.networks:
                self.like(draw.choice(list(self.networks)))

    # ---- losses ----

    def term(self):
        draw = self.draw
        value = draw.choice(self.known[1:]) if draw.random() < 0.7 or len(self.known) < 3 else draw.choice(self.known[-2:])
        others = [other for other in self.alike(value, value.joined) if other.text != value.text]
        images = value.shape[2] > 1 and value.shape[3] > 1
        kinds = ["mse", "l1", "mse", "mean"]
        kinds += ["gradient_difference"] * 2 if images and others else []
        kinds += ["bce"] * 3 if value.range == "unit" and value.last in ("sigmoid", "unknown") else []
        kinds += ["bce_with_logits"] * 2 if value.last in ("other", "unknown") else []
        kinds += ["entropy"] * 2 if value.range in ("unit", "positive") else []
        kind = draw.choice(kinds)
        arguments = [value.text]
        if kind in ("mse", "l1", "gradient_difference"):
            numbers = [0, 0.5] if kind != "gradient_difference" else []
            arguments.append(draw.choice([other.text for other in others] * 2 + numbers + ["x"] * 3 * (value.shape == self.clip and not value.joined)))
        elif kind.startswith("bce"):
            inside = [other.text for other in others if other.range == "unit"]
            arguments.append(draw.choice(inside + [0, 1, 1, 0.9]))
        if isinstance(arguments[-1], str) and len(arguments) > 1 and draw.random() < 0.15:
            arguments[-1] = f"detach({arguments[-1]})"
        term = {kind: arguments}
        if draw.random() < 0.3:
            term["reduce"] = "sum"
            term["weight"] = draw.choice((0.01, 0.1))
        else:
            if draw.random() < 0.3:
                term["weight"] = draw.choice((0.3, 2, -0.5))
            if draw.random() < 0.2:
                term["over_time"] = "falling"
        if kind == "bce" and draw.random() < 0.4:
            term["epsilon"] = 1e-5
        return term

    def make_losses(self):
        draw, losses = self.draw, {}
        for _ in range(draw.randrange(2, 6)):
            terms = [self.term() for _ in range(draw.choice((1, 1, 2, 3)))]
            losses[f"loss{len(losses)}"] = terms if len(terms) > 1 or draw.random() < 0.2 else terms[0]
        names = {value.text for value in self.known}
        for value in self.known:
            if value.text.rsplit(".", 1)[-1].startswith("log_variance_"):
                number = int(value.text.rsplit("_", 1)[-1])
                mean = next((name for name in names if name.startswith(value.text.split(".")[0] + f".mean_{number - 1}")), None)
                if mean and draw.random() < 0.7:
                    losses[f"loss{len(losses)}"] = {"kl": [mean, value.text], "weight": draw.choice((1, 0.01))}
        return losses

    # ---- all ----

    def sections(self):
        self.system |= ({"noise": self.noises} if self.noises else {}) | {"networks": self.networks}
        self.system |= {"values": self.values}

    def draw_values(self):
        draw = self.draw
        for _ in range(draw.choice((1, 1, 2))):
            draw.choice((self.auto_encoder, self.adversary, self.adversary, lambda: self.new_network("any")))()
        self.functions()
        if len(self.values) == 0:
            return False
        self.sections()
        return True


def draw_system(draw, name):
    """None where what was drawn cannot be trained."""
    maker = SystemMaker(draw, name)
    if not maker.draw_values():
        return None
    values = maker.system | {"losses": maker.make_losses(), "training": {"batch": maker.batch, "seed": draw.randrange(100)}}
    reached, parameters, twin = reach_of_losses(source_of(values))
    if sum(value.numel() for value in twin.networks.parameters()) > MOST_PARAMETERS:
        return None
    steps, trainable = draw_steps(draw, reached, parameters)
    if not steps:
        return None
    if any(not parameters[name] for name in parameters):
        return None
    for network in maker.networks:
        if network not in trainable:
            section = maker.networks[network]
            maker.networks[network] = (section if isinstance(section, dict) else {"layers": section}) | {"frozen": True}
    used = {loss for step in steps for losses in step["update"].values() for loss in ([losses] if isinstance(losses, str) else losses)}
    values["steps"] = steps
    evaluation = draw_evaluation(draw, maker, values, twin, list(values["losses"]))
    used |= set(evaluation.get("score", {}).get("sum", {}))
    values["losses"] = {name: terms for name, terms in values["losses"].items() if name in used}
    values |= evaluation
    draw_training(draw, values, trainable)
    return values


def source_of(values):
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data):
            return True

    text = yaml.dump(values, Dumper=Dumper, sort_keys=False, default_flow_style=None, width=200)
    assert yaml.load(text, CoreLoader) == values
    return text


def random_system(seed, index):
    """(name, YAML text)"""
    name = f"system_{seed}_{index:02d}"
    draw = random.Random(f"system/{seed}/{index}")
    while True:
        values = draw_system(draw, name)
        if values:
            return name, source_of(values)


def write_random_systems(directory, count, seed=0):
    return write_specs(directory, (random_system(seed, index) for index in range(count)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=36)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", help="a compiler that must accept each of them")
    options = parser.parse_args()
    refused = 0
    for path in write_random_systems(options.out, options.count, options.seed):
        print(path)
        if options.check:
            done = subprocess.run([options.check, "check", path], capture_output=True, text=True)
            if done.returncode:
                refused += 1
                print(done.stdout + done.stderr)
    if refused:
        sys.exit(f"{refused} refused")


if __name__ == "__main__":
    main()
