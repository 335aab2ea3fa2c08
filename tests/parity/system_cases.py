"""The input of a comparison of a system: weights, a batch with every draw, and PyTorch's results for them in float32 and float64."""

import os
from dataclasses import dataclass, field
from functools import cached_property

import torch
from safetensors.torch import save_file

from compare import NEIGHBOURS, NEIGHBOURS_OF_KINKS, moved_weights
from make_case import kinked_modules, make_batch, move_statistics
from system_spec import System
from system_twin import Outcome, Twin, run_evaluation, run_training

STEPS = 10
BATCHES_TRIED = 6


# ---- draws ----


@dataclass
class Draw:
    shape: tuple
    kind: str  # normal, uniform, or dropout
    range: tuple = ()  # of uniform; p of dropout

    def make(self, generator):
        if self.kind == "dropout":
            return (torch.rand(self.shape, generator=generator) >= self.range[0]) / (1 - self.range[0])
        if self.kind == "uniform":
            low, high = self.range
            return low + (high - low) * torch.rand(self.shape, generator=generator)
        return torch.randn(self.shape, generator=generator)

    def complaint(self, value):
        """What is wrong with a draw of the program under test, or None. Few values can be anything that is possible."""
        if tuple(value.shape) != tuple(self.shape):
            return f"has shape {list(value.shape)}, not {list(self.shape)}"
        if self.kind == "dropout":
            kept = torch.tensor(1 / (1 - self.range[0]), dtype=torch.float32)
            wrong = ~((value == 0) | ((value - kept).abs() <= 2e-7 * kept))
            share, expected, spread = (value != 0).float().mean(), 1 - self.range[0], 1.0
        elif self.kind == "uniform":
            wrong = ~((value >= self.range[0]) & (value <= self.range[1]))
            share, expected, spread = value.mean(), sum(self.range) / 2, self.range[1] - self.range[0]
        else:
            wrong = ~(value.abs() < 7)
            share, expected, spread = value.mean(), 0.0, 2.0
        if wrong.any():
            return f"holds {value[wrong][0].item()}, which is no {self.kind} {list(self.range)}"
        if abs(share - expected) > 3 * spread / value.numel() ** 0.5:  # six standard deviations, or more
            return f"is no {self.kind} {list(self.range)}: {share.item()} where {expected} is expected"
        return None


def calls_of(twin, training):
    for name, calls in twin.system.calls.items():
        for call in calls:
            if not (training and call.in_outputs):
                yield name, call


def module_draws(twin, training):
    """Of dropouts and initial states, without the step: {key: Draw}."""
    draws, batch = {}, twin.system.training.batch
    for name, call in calls_of(twin, training):
        items = batch * (2 if twin.joined[call] else 1)
        for layer, shape in twin.networks[name].shapes:
            if layer.kind == "gru" and layer.keys.initial_state == "normal":
                state = (layer.keys.layers, items, layer.keys.hidden)
                draws[f"state.{name}.{layer.modules['own']}.{call.number}"] = Draw(state, "normal")
            if "dropout" in layer.modules and training and not twin.system.networks[name].frozen:
                p = layer.keys.p if layer.kind == "dropout" else layer.keys.dropout
                draws[f"dropout.{name}.{layer.modules['dropout']}.{call.number}"] = Draw((items, *shape), "dropout", (p,))
    return draws


def noise_draws(system):
    draws = {}
    for name, noise in system.noises.items():
        limits = tuple(noise.range) if noise.distribution == "uniform" else ()
        draws[f"noise.{name}"] = Draw((system.training.batch, *noise.shape), noise.distribution, limits)
    return draws


def training_draws(twin):
    """Every draw that an iteration makes, read or not."""
    draws = {}
    for index, step in enumerate(twin.system.steps):
        if step.keys.noise == "new":
            draws |= {f"{key}.{index}": draw for key, draw in (noise_draws(twin.system) | module_draws(twin, True)).items()}
    return draws


def evaluation_draws(twin):
    return {f"{key}.0": draw for key, draw in (noise_draws(twin.system) | module_draws(twin, False)).items()}


def complaints_about_draws(twin, drawn):
    """drawn: {key: tensor}, of a run that was given no draw."""
    expected = training_draws(twin)
    complaints = [f"drawn.{key} is missing" for key in expected if key not in drawn]
    complaints += [f"drawn.{key} is no draw of this system" for key in drawn if key not in expected]
    for key, draw in expected.items():
        problem = key in drawn and draw.complaint(drawn[key])
        if problem:
            complaints.append(f"drawn.{key} {problem}")
    for a in drawn:
        for b in drawn:
            if a < b and drawn[a].numel() >= 8 and drawn[a].shape == drawn[b].shape and expected.get(a) == expected.get(b):
                if torch.equal(drawn[a], drawn[b]) and not (expected[a].kind == "dropout" and drawn[a].numel() < 64):
                    complaints.append(f"drawn.{a} and drawn.{b} are the same numbers")
    return complaints


# ---- weights and batches ----


def make_weights(twin, seed):
    """PyTorch's own initial state_dict, with running statistics that are not those of a new network, and averages beside the weights."""
    weights = twin.initial_state(seed)
    generator = torch.Generator().manual_seed(seed)
    move_statistics(weights, generator)
    averages = {}
    if twin.system.average:
        for name, _ in twin.networks.named_parameters():
            if not twin.system.networks[name.split(".")[0]].frozen:
                moved = weights[name] + 0.01 * torch.randn(weights[name].shape, generator=generator)
                averages[f"average.{name}"] = moved
    return weights | averages


@dataclass
class ClipOnly:
    """What make_case.make_batch asks of a spec."""

    clip_shape: tuple
    gru = None


def clips(system, seed):
    """x, and x.<s> of each step that reads another batch."""
    batches = {"x": make_batch(ClipOnly(system.clip_shape), seed)["x"]}
    for index, step in enumerate(system.steps):
        if step.keys.batch != "same":
            batches[f"x.{index}"] = make_batch(ClipOnly(system.clip_shape), 1000 * (index + 1) + seed)["x"]
    return batches


def complete_draws(twin, drawn, seed):
    """Those of the program under test; what it has not drawn (only evaluation reads it) from the seed."""
    generator = torch.Generator().manual_seed(seed)
    draws = {}
    for key, draw in (evaluation_draws(twin) | training_draws(twin)).items():
        made = draw.make(generator)
        given = drawn.get(key)
        draws[key] = given if given is not None and given.shape == made.shape else made.float()
    return draws


# ---- a case ----


@dataclass
class Case:
    spec: System
    twin: Twin
    weights: dict
    batch: dict
    single: Outcome  # float32: the oracle
    double: Outcome  # float64: how far float32 itself is off
    single_evaluation: Outcome
    double_evaluation: Outcome
    kinked: set = field(default_factory=set)  # steps in which a value lies so near a kink that rounding chooses the side

    @cached_property
    def neighbours(self):
        """Outcomes of PyTorch in float32 from weights that differ by a unit in the last place."""
        count = NEIGHBOURS_OF_KINKS if self.kinked else NEIGHBOURS
        return [run_training(self.twin, moved_weights(self.weights, seed), self.batch, STEPS, torch.float32) for seed in range(count)]

    @cached_property
    def evaluation_neighbours(self):
        moved = (moved_weights(self.weights, seed) for seed in range(NEIGHBOURS))
        return [run_evaluation(self.twin, weights, self.batch, torch.float32) for weights in moved]


def make_case(twin, weights, drawn, seed=0):
    """Of several batches the first that keeps off the kinks in its first iteration, if one does."""
    draws, best = complete_draws(twin, drawn, seed), None
    for attempt in range(BATCHES_TRIED):
        batch = clips(twin.system, seed + attempt) | draws
        single = run_training(twin, weights, batch, 1, torch.float32)
        double = run_training(twin, weights, batch, 1, torch.float64)
        kinked = {place[0] for place in kinked_modules(single, double)}
        if best is None or len(kinked) < len(best[1]):
            best = (batch, kinked)
        if not kinked or sum(value.numel() for value in single.kinks.values()) > 1e6:
            break
    batch, kinked = best
    return Case(
        spec=twin.system,
        twin=twin,
        weights=weights,
        batch=batch,
        single=run_training(twin, weights, batch, STEPS, torch.float32),
        double=run_training(twin, weights, batch, STEPS, torch.float64),
        single_evaluation=run_evaluation(twin, weights, batch, torch.float32),
        double_evaluation=run_evaluation(twin, weights, batch, torch.float64),
        kinked=kinked,
    )


def write_tensors(tensors, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)
