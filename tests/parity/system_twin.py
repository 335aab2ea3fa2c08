"""The oracle of language version 2: a system in PyTorch, its losses, steps, optimizers, averages, outputs, score and search.

Draws are given: noise, dropout factors and initial states by the keys of `step` (docs/spec.md), as in files: x [B, T, C, H, W].
"""

import math
from dataclasses import dataclass, field

import torch
from torch import nn

from system_modules import Network, initialize, whole_shape
from system_spec import Value

functional = nn.functional

# ---- values ----


def noise_value(spec, drawn):
    """[B, then the shape as written] → [B, C, T, H, W]"""
    return drawn.reshape(drawn.shape[0], *whole_shape(spec.shape, 1))


FUNCTIONS = {
    "sample": lambda value, mean, log_variance, noise: mean + torch.exp(log_variance / 2) * noise,
    "join": lambda value, a, b: torch.cat([a, b]),
    "half": lambda value, v: v.chunk(2)[value.numbers[0] - 1],
    "frames": lambda value, v: v[:, :, value.numbers[0] : value.numbers[0] + value.numbers[1]],
    "concat": lambda value, *values: torch.cat(values, 1),
    "add": lambda value, *values: sum(values[1:], values[0]),
    "unit": lambda value, v: (v + 1) / 2,
    "detach": lambda value, v: v.detach(),
}


class Values:
    """Of one step, or of evaluation. What is needed is computed in the order of the spec."""

    def __init__(self, system, networks, x, draw):
        """x: [B, T, C, H, W]; draw(key): what is drawn, without the step's number, or None where nothing is."""
        self.system, self.networks, self.draw = system, networks, draw
        self.known = {system.x: x.transpose(1, 2)}
        self.results = {}

    def compute(self, wanted):
        needed, waiting = set(), list(wanted)
        while waiting:
            value = waiting.pop()
            if value not in needed:
                needed.add(value)
                waiting += value.operands
        for value in self.system.nodes:
            if value in needed and value not in self.known:
                self.known[value] = self.compute_one(value, [self.known[operand] for operand in value.operands])
        return self

    def compute_one(self, value, operands):
        if value.kind == "noise":
            return noise_value(self.system.noises[value.name], self.draw(f"noise.{value.name}"))
        if value.kind == "result":
            return self.results[value.operands[0]][value.name]
        if value.kind == "call":
            return self.call(value, operands)
        return FUNCTIONS[value.kind](value, *operands)

    def call(self, value, operands):
        def drawn(kind, module, _):
            return self.draw(f"{kind}.{value.name}.{module}.{value.number}")

        self.results[value] = self.networks[value.name](operands, drawn)
        return self.results[value][""]

    def __getitem__(self, value):
        return self.known[value]


def loss_values(terms):
    return [value for term in terms for value in (term.value, term.other) if isinstance(value, Value)]


# ---- losses ----


def differences_along(dimension):
    def differences(v, target):
        return (v.diff(dim=dimension).abs() - target.diff(dim=dimension).abs()).abs()

    return differences


def elements_of(term, v, other):
    """What a term reduces: tensors [B, C or 1, T, H, W], each by itself."""
    if term.kind == "mse":
        return [(v - other).square()]
    if term.kind == "l1":
        return [(v - other).abs()]
    if term.kind == "bce_with_logits":
        return [functional.binary_cross_entropy_with_logits(v, other, reduction="none")]
    if term.kind == "bce":
        epsilon = term.keys.epsilon
        return [-other * torch.log(v + epsilon) - (1 - other) * torch.log(1 - v + epsilon)]
    if term.kind == "kl":
        return [0.5 * (v.square() + torch.exp(other) - other - 1)]
    if term.kind == "gradient_difference":
        return [differences_along(dimension)(v, other) for dimension in (3, 4)]
    if term.kind == "entropy":
        return [-(v * torch.log(v + 1e-12)).sum(1, keepdim=True)]
    return [v]


def reduce_item(term, elements, per_frame):
    """[B, C, T, H, W] → [B], or [B, T]"""
    summed = term.keys.reduce == "sum" or term.kind == "kl"
    frames = elements.sum((1, 3, 4)) if summed else elements.mean((1, 3, 4))
    if per_frame:
        return frames
    if summed:
        return frames.sum(1)
    if term.keys.over_time == "even":
        return frames.mean(1)
    count = frames.shape[1]
    weights = torch.tensor([(count - t) / count**2 for t in range(count)], dtype=frames.dtype)
    return (frames * weights).sum(1)


def item_losses(terms, values, per_frame=False):
    """[B], or [B, T]: with the terms' weights."""
    total = 0
    for term in terms:
        v = values[term.value]
        other = term.other
        if other is not None:
            other = values[other] if isinstance(other, Value) else torch.full_like(v, other)
        parts = [reduce_item(term, elements, per_frame) for elements in elements_of(term, v, other)]
        total = total + term.keys.weight * sum(parts[1:], parts[0])
    return total


def loss_of(terms, values):
    """Over the batch the mean, in each term by itself: some may be joined, others not."""
    return sum(item_losses([term], values).mean() for term in terms)


# ---- optimizers ----

DEFAULT_RATES = {"rmsprop": 1e-2}


def build_optimizer(options, parameters):
    rate = DEFAULT_RATES.get(options.name, 1e-3) if options.learning_rate is None else options.learning_rate
    decay = (1e-2 if options.name == "adamw" else 0.0) if options.weight_decay is None else options.weight_decay
    common = {"lr": rate, "weight_decay": decay}
    if options.name == "sgd":
        return torch.optim.SGD(parameters, momentum=options.momentum, nesterov=options.nesterov, **common)
    if options.name == "rmsprop":
        return torch.optim.RMSprop(parameters, alpha=options.alpha, eps=options.epsilon, momentum=options.momentum, **common)
    kind = torch.optim.AdamW if options.name == "adamw" else torch.optim.Adam
    return kind(parameters, betas=options.betas, eps=options.epsilon, **common)


def schedule_factor(options, iteration):
    j = iteration - options.warm_up
    if j < 0:
        return (iteration + 1) / options.warm_up
    schedule = options.schedule
    if schedule is None:
        return 1.0
    if schedule.name == "exponential":
        return schedule.gamma ** (j // schedule.every)
    if schedule.name == "step":
        return schedule.gamma ** sum(at <= j for at in schedule.at)
    part = min(j / schedule.over, 1)
    if schedule.name == "cosine":
        return schedule.to + (1 - schedule.to) * (1 + math.cos(math.pi * part)) / 2
    return 1 + (schedule.to - 1) * part


def set_rate(optimizer, options, iteration):
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
        group["lr"] = group["initial_lr"] * schedule_factor(options, iteration)


# ---- a system ----


@dataclass
class Outcome:
    """What `step` writes, by PyTorch, as files have it."""

    gradients: dict = field(default_factory=dict)  # (step, parameter)
    losses: dict = field(default_factory=dict)  # (step, loss, iteration)
    state: dict = field(default_factory=dict)
    averages: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)
    score: torch.Tensor | None = None
    kinks: dict = field(default_factory=dict)  # (step, place): what is given to a ReLU or an absolute value in the first iteration


class Twin:
    def __init__(self, system):
        self.system = system
        self.networks = nn.ModuleDict({name: Network(spec) for name, spec in system.networks.items()})
        self.find_shapes()

    def find_shapes(self):
        """Every call is made once, with one item of zeros: so the modules are made, and shapes known."""
        system = self.system
        items = {f"noise.{name}": torch.zeros(1, *noise.shape) for name, noise in system.noises.items()}
        values = Values(system, self.networks, torch.zeros(1, *system.clip_shape[1:]), items.get)
        with torch.no_grad():
            values.compute(system.nodes)
        self.joined = {value: values[value].shape[0] == 2 for value in system.nodes}
        self.shapes = {value: tuple(values[value].shape[1:]) for value in system.nodes}
        if set(values.results) and any(not len(network) for network in self.networks.values()):
            raise ValueError("a network is never called")

    def initial_state(self, seed):
        torch.manual_seed(seed)
        for module in self.networks.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        initialize(self.networks, self.system)
        return {name: value.detach().clone() for name, value in self.networks.state_dict().items()}

    def load(self, state, dtype):
        self.networks.to(dtype).load_state_dict(state, strict=True)
        for name, network in self.networks.items():
            for parameter in network.parameters():
                parameter.requires_grad_(not self.system.networks[name].frozen)

    def set_training(self, training):
        for name, network in self.networks.items():
            network.train(training and not self.system.networks[name].frozen)

    def draws(self, batch, step, training):
        """draw(key) of that step's draw; a key with a step wins over one without."""

        def draw(key):
            if key.startswith("dropout.") and (not training or self.system.networks[key.split(".")[1]].frozen):
                return None
            return batch.get(f"{key}.{step}", batch.get(key))

        return draw


class Training:
    """`step`, without --eval: every iteration and every round reads the same draws, unless `run` is told where to get others."""

    def __init__(self, twin, weights, batch, dtype):
        self.twin, self.system = twin, twin.system
        self.dtype = dtype
        self.read(batch)
        twin.load({name: value for name, value in weights.items() if not name.startswith("average.")}, dtype)
        twin.set_training(True)
        self.outcome = Outcome()
        self.optimizers = {
            name: build_optimizer(options, twin.networks[name].parameters()) for name, options in self.system.optimizers.items()
        }
        self.averages = {name: parameter.detach().clone() for name, parameter in twin.networks.named_parameters() if parameter.requires_grad}

    def read(self, batch):
        self.batch = {name: value.to(self.dtype) for name, value in batch.items()}

    def run(self, iterations, next_batch=None):
        """next_batch(): what the next iteration reads."""
        for iteration in range(iterations):
            newest = "x"
            if next_batch and iteration > 0:
                self.read(next_batch())
            for index, step in enumerate(self.system.steps):
                if iteration % step.keys.every:
                    continue
                if step.keys.batch != "same":
                    newest = f"x.{index}"
                for turn in range(step.keys.times):
                    self.do(index, step, newest, iteration, turn)
        state = self.twin.networks.state_dict()
        self.outcome.state = {name: value.detach().clone() for name, value in state.items()}
        self.outcome.averages = dict(self.averages) if self.system.average else {}
        return self.outcome

    def do(self, index, step, newest, iteration, turn):
        names = {name for losses in step.updates.values() for name in losses}
        wanted = [value for name in names for value in loss_values(self.system.losses[name])]
        hooks = self.watch_kinks(index) if iteration == 0 and turn == 0 else []
        x = self.batch.get(newest, self.batch["x"])
        values = Values(self.system, self.twin.networks, x, self.twin.draws(self.batch, step.draw, True)).compute(wanted)
        for hook in hooks:
            hook.remove()
        losses = {name: loss_of(self.system.losses[name], values) for name in sorted(names)}
        gradients = self.gradients(step, losses)
        if turn == 0:
            for name, loss in losses.items():
                self.outcome.losses[index, name, iteration] = loss.item()
        if iteration == 0 and turn == 0:
            self.outcome.gradients |= {(index, name): value.clone() for name, value in gradients.items()}
            self.keep_loss_kinks(index, names, values)
        self.update(step, gradients, iteration)

    def gradients(self, step, losses):
        """Of each updated network by its own losses, all at the same weights."""
        gradients = {}
        for name, factors in step.updates.items():
            parameters = dict(self.twin.networks[name].named_parameters())
            total = sum(factor * losses[loss] for loss, factor in factors.items())
            found = torch.autograd.grad(total, list(parameters.values()), retain_graph=True)
            gradients |= {f"{name}.{parameter}": gradient for parameter, gradient in zip(parameters, found)}
        return gradients

    def update(self, step, gradients, iteration):
        for name in step.updates:
            options, network = self.system.optimizers[name], self.twin.networks[name]
            for parameter, value in network.named_parameters():
                value.grad = gradients[f"{name}.{parameter}"].clone()
            if options.clip_norm is not None:
                nn.utils.clip_grad_norm_(network.parameters(), options.clip_norm)
            set_rate(self.optimizers[name], options, iteration)
            self.optimizers[name].step()
            if self.system.average:
                for parameter, value in network.named_parameters():
                    average = self.averages[f"{name}.{parameter}"]
                    average.mul_(self.system.average).add_(value.detach(), alpha=1 - self.system.average)

    def watch_kinks(self, index):
        def keep(name):
            def hook(_, arguments):
                place = (index, name, sum(key[:2] == (index, name) for key in self.outcome.kinks))
                self.outcome.kinks[place] = arguments[0].detach().double().clone()

            return hook

        modules = self.twin.networks.named_modules()
        return [part.register_forward_pre_hook(keep(name)) for name, part in modules if isinstance(part, (nn.ReLU, nn.LeakyReLU))]

    def keep_loss_kinks(self, index, names, values):
        for name in names:
            for number, term in enumerate(self.system.losses[name]):
                if term.kind not in ("l1", "gradient_difference"):
                    continue
                v = values[term.value].detach().double()
                other = values[term.other].detach().double() if isinstance(term.other, Value) else torch.full_like(v, term.other)
                if term.kind == "l1":
                    self.outcome.kinks[index, "loss", name, number] = v - other
                    continue
                for axis in (3, 4):
                    a, b = v.diff(dim=axis), other.diff(dim=axis)
                    for part, difference in enumerate((a, b, a.abs() - b.abs())):
                        self.outcome.kinks[index, "loss", name, number, axis, part] = difference


def run_training(twin, weights, batch, iterations, dtype):
    return Training(twin, weights, batch, dtype).run(iterations)


# ---- evaluation ----


class Evaluation:
    """`step --eval`: with `average.<name>` where the weights have them."""

    def __init__(self, twin, weights, batch, dtype):
        self.twin, self.system = twin, twin.system
        state = {name: value for name, value in weights.items() if not name.startswith("average.")}
        state |= {name.removeprefix("average."): value for name, value in weights.items() if name.startswith("average.")}
        self.batch = {name: value.to(dtype) for name, value in batch.items()}
        twin.load(state, dtype)
        twin.set_training(False)

    def values(self, wanted, found=None):
        """found: the noise of the search, which is read instead of what was drawn."""
        draw = self.twin.draws(self.batch, 0, False)

        def drawn(key):
            searched = found is not None and key == f"noise.{self.system.search.noise}"
            return found if searched else draw(key)

        return Values(self.system, self.twin.networks, self.batch["x"], drawn).compute(wanted)

    def score_values(self):
        if self.system.score.sum:
            return [value for name in self.system.score.sum for value in loss_values(self.system.losses[name])]
        return [self.system.outputs["reconstruction"], self.system.outputs.get("target", self.system.x)]

    def score_of(self, values):
        """[B], or [B, F]"""
        score = self.system.score
        per_frame = score.per == "frame"
        if score.sum:
            return sum(factor * item_losses(self.system.losses[name], values, per_frame) for name, factor in score.sum.items())
        reconstruction, target = (values[value] for value in self.score_values())
        return ((reconstruction - target) / 2).square().mean((1, 3, 4))

    def search(self):
        search = self.system.search
        z = self.twin.draws(self.batch, 0, False)(f"noise.{search.noise}").clone().requires_grad_()
        optimizer = build_optimizer(search.optimizer, [z])
        for step in range(search.steps):
            score = self.score_of(self.values(self.score_values(), z))
            z.grad = torch.autograd.grad(score.sum(), z)[0]
            if search.optimizer.clip_norm is not None:
                for item in range(len(z)):  # each by itself
                    norm = z.grad[item].norm()
                    z.grad[item] *= torch.clamp(search.optimizer.clip_norm / (norm + 1e-6), max=1.0)
            set_rate(optimizer, search.optimizer, step)
            optimizer.step()
        return z.detach()

    def run(self):
        outcome, outputs = Outcome(), self.system.outputs
        found = self.search() if self.system.search else None
        with torch.no_grad():
            wanted = list(outputs.values()) + (self.score_values() if self.system.score else [])
            values = self.values(wanted, found)
            outcome.outputs = {name: values[value].transpose(1, 2) for name, value in outputs.items()}
            if self.system.score:
                outcome.score = self.score_of(values)
            if found is not None and "samples" in outputs:  # computed before the search
                outcome.outputs["samples"] = self.values([outputs["samples"]])[outputs["samples"]].transpose(1, 2)
        return outcome


def run_evaluation(twin, weights, batch, dtype):
    return Evaluation(twin, weights, batch, dtype).run()
