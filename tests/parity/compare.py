"""Compares what `step` wrote with PyTorch. Each figure passes in one of three ways:

plain    within the tolerance of the table below.
zero, kink   a gradient that is mathematically zero, or that rounding may move across a kink, is as small as rounding and
         shares no digits with another's. So it is compared relative to its own norm plus the largest norm among the gradients
         of its layer's parameters.
float64  if float32 does not allow the tolerance, both are compared with a float64 run of PyTorch. Ours may be at most four
         times as far from it as PyTorch in float32. For what comes after the first update (losses, parameters, running
         statistics), and for gradients that pass a value on a kink, the distance is the largest of some runs of PyTorch whose
         weights differ by a unit in the last place: values that cross a kink in some of them show what rounding alone does.
"""

import re
from dataclasses import dataclass

import torch

from reference import AutoEncoder, run_training

# kind: tolerance
TOLERANCES = {
    "recon": 1e-5,  # absolute
    "loss": 1e-5,  # relative
    "gradient": 1e-4,  # relative, L2, a tensor
    "losses": 1e-4,  # relative, of every step
    "state": 5e-4,  # absolute: parameters and running statistics after the last step
}
TIMES_FLOAT32 = 4.0
NEIGHBOURS, NEIGHBOURS_OF_KINKS = 8, 32  # runs from weights that differ by a unit in the last place
# A gradient is zero by mathematics where even float64 leaves nothing but rounding of it.
ZERO_IN_FLOAT64 = 1e-10


@dataclass
class Figure:
    kind: str
    name: str
    value: float  # distance from PyTorch's float32, in the kind's measure
    passed: bool
    how: str = "plain"
    ratio: float = 0.0  # float64: our distance from it by PyTorch's

    def __str__(self):
        if self.value != self.value:
            return "no number"
        mark = {"plain": "", "zero": " zero", "kink": " kink", "float64": f" f64×{max(self.ratio, 0.001):.2g}"}[self.how]
        return f"{self.value:.1e}{mark}" + ("" if self.passed else " !")


def absolute(a, b):
    return (a - b).abs().max().item()


def relative(a, b):
    return max(abs(x - y) / abs(y) if x != y else 0.0 for x, y in zip(a, b))


def relative_norm(a, b, denominator=None):
    difference = (a - b).norm().item()
    denominator = b.norm().item() if denominator is None else denominator
    return difference / denominator if denominator else (0.0 if difference == 0 else float("inf"))


def moved_weights(weights, seed):
    """Each moved by −1, 0 or 1 units in the last place."""
    generator = torch.Generator().manual_seed(seed)
    moved = {}
    for name, value in weights.items():
        moved[name] = value
        if value.is_floating_point():
            steps = torch.randint(-1, 2, value.shape, generator=generator)
            moved[name] = value * (1 + torch.finfo(value.dtype).eps * steps)
    return moved


def neighbours(case):
    """Outcomes of PyTorch in float32 from weights that differ by a unit in the last place; made once a case."""
    if not hasattr(case, "neighbours"):
        steps, count = len(case.single.losses), NEIGHBOURS_OF_KINKS if case.kinked else NEIGHBOURS
        case.neighbours = [
            run_training(case.spec, moved_weights(case.weights, seed), case.batch, steps, torch.float32) for seed in range(count)
        ]
    return case.neighbours


def judge_by_neighbours(case, figure, distance, ours, value_of):
    """A second opinion on a figure that failed; value_of(outcome)."""
    if figure.passed or figure.value != figure.value:
        return figure
    double = value_of(case.double)
    theirs = max(distance(value_of(outcome), double) for outcome in neighbours(case))
    figure.ratio = distance(ours, double) / theirs if theirs else float("inf")
    figure.passed = figure.ratio <= TIMES_FLOAT32
    return figure


def judge(kind, name, distance, ours, single, double):
    """distance(a, b) in the kind's measure."""
    figure = Figure(kind, name, distance(ours, single), False)
    figure.passed = figure.value <= TOLERANCES[kind]
    if not figure.passed and figure.value == figure.value:
        own, theirs = distance(ours, double), distance(single, double)
        figure.how = "float64"
        figure.ratio = own / theirs if theirs else float("inf")
        figure.passed = figure.ratio <= TIMES_FLOAT32
    return figure


class Layers:
    """Which gradients share a layer: those of one module; and, since a norm belongs to the layer before it in a spec, those
    of a convolution with its norm, where all of one module's are zero (a scale in front of batch norm changes nothing)."""

    def __init__(self, spec):
        module = AutoEncoder(spec)
        self.order = [name for name, _ in module.named_modules()]
        self.with_norm = {}
        for part in ("encoder", "decoder"):
            for index, child in enumerate(getattr(module, part)):
                if isinstance(child, torch.nn.BatchNorm2d):
                    self.with_norm[f"{part}.{index}"] = self.with_norm[f"{part}.{index - 1}"] = f"{part}.{index - 1}"

    @staticmethod
    def module_of(name):
        return name.rsplit(".", 1)[0]

    def largest_norm(self, name, gradients):
        own = self.module_of(name)
        return max(g.norm().item() for other, g in gradients.items() if self.module_of(other) == own)

    def largest_norm_with_norm(self, name, gradients):
        own = self.with_norm.get(self.module_of(name), self.module_of(name))
        norms = [
            g.norm().item()
            for other, g in gradients.items()
            if self.with_norm.get(self.module_of(other), self.module_of(other)) == own
        ]
        return max(norms)

    def before_a_kink(self, name, kinked):
        place = self.order.index(self.module_of(name))
        return any(kink == "loss" or place < self.order.index(kink) for kink in kinked)


def judge_gradient(layers, case, name, ours):
    single, double = case.single.gradients[name], case.double.gradients[name]
    figure = judge("gradient", name, relative_norm, ours, single, double)
    if figure.how == "plain" or figure.value != figure.value:
        return figure
    scale = layers.largest_norm(name, case.single.gradients)
    is_zero = double.norm().item() <= ZERO_IN_FLOAT64 * layers.largest_norm_with_norm(name, case.double.gradients)
    if is_zero and single.norm().item() >= scale:
        scale = layers.largest_norm_with_norm(name, case.single.gradients)
    kinked = layers.before_a_kink(name, case.kinked)
    if is_zero or kinked:
        value = relative_norm(ours, single, single.norm().item() + scale)
        if value <= TOLERANCES["gradient"]:
            return Figure("gradient", name, value, True, "zero" if is_zero else "kink")
    if kinked:
        return judge_by_neighbours(case, figure, relative_norm, ours, lambda outcome: outcome.gradients[name])
    return figure


def compare_training(case, output):
    """output: the tensors of O by name. Returns figures, and complaints about what is missing or is of another shape."""
    figures, complaints = [], []

    def take(name, shape):
        tensor = output.get(name)
        if tensor is None:
            complaints.append(f"{name} is missing")
        elif tuple(tensor.shape) != tuple(shape) and not (tensor.numel() == 1 and not shape):
            complaints.append(f"{name} has shape {list(tensor.shape)}, not {list(shape)}")
        else:
            return tensor
        return None

    def scalar(name):
        tensor = take(name, ())
        return float("nan") if tensor is None else tensor.double().item()

    single, double, steps = case.single, case.double, len(case.single.losses)
    recon = take("recon", case.spec.clip_shape)
    if recon is not None:
        figures.append(judge("recon", "recon", absolute, recon.double(), single.recon, double.recon))
    figures.append(judge("loss", "loss", relative, [scalar("loss")], single.losses[:1], double.losses[:1]))
    losses = [scalar(f"loss.{step}") for step in range(steps)]
    for step in range(steps):
        values = [losses[step]], [single.losses[step]], [double.losses[step]]
        figure = judge("losses", f"loss.{step}", relative, *values)
        figures.append(judge_by_neighbours(case, figure, relative, values[0], lambda outcome, step=step: [outcome.losses[step]]))
    if "loss" in output and "loss.0" in output and losses[0] != scalar("loss"):
        complaints.append("loss and loss.0 differ")
    layers = Layers(case.spec)
    for name, gradient in single.gradients.items():
        ours = take(f"grad.{name}", gradient.shape)
        if ours is not None:
            figures.append(judge_gradient(layers, case, name, ours.double()))
    for name, value in single.state.items():
        ours = take(f"param.{name}", value.shape)
        if ours is None:
            continue
        if value.dtype == torch.int64:
            if ours.dtype != torch.int64 or ours.item() != value.item():
                complaints.append(f"param.{name} is {ours.item()} ({ours.dtype}), not {value.item()}")
        else:
            figure = judge("state", name, absolute, ours.double(), value.double(), double.state[name].double())
            figures.append(judge_by_neighbours(case, figure, absolute, ours.double(), lambda outcome, name=name: outcome.state[name].double()))
    return figures, complaints + complaints_about_state(case.spec, output)


def complaints_about_state(spec, output):
    """Our parameters must go back into the PyTorch module."""
    state = {re.sub(r"^param\.", "", name): value for name, value in output.items() if name.startswith("param.")}
    try:
        AutoEncoder(spec).load_state_dict(state, strict=True)
    except RuntimeError as error:
        return ["param.* does not load with strict=True: " + " ".join(str(error).split())]
    return []


def compare_evaluation(case, output):
    single, double = case.single_evaluation, case.double_evaluation
    missing = [f"{name} is missing from --eval" for name in ("recon", "loss") if name not in output]
    if missing:
        return [], missing
    if tuple(output["recon"].shape) != case.spec.clip_shape:
        return [], [f"recon of --eval has shape {list(output['recon'].shape)}, not {list(case.spec.clip_shape)}"]
    loss = [output["loss"].double().item()]
    return [
        judge("recon", "recon of --eval", absolute, output["recon"].double(), single.recon, double.recon),
        judge("loss", "loss of --eval", relative, loss, single.losses, double.losses),
    ], []


def worst(figures, kind):
    """What fails comes first, then what is furthest from PyTorch."""
    of_kind = [figure for figure in figures if figure.kind == kind]
    return max(of_kind, key=lambda figure: (not figure.passed, figure.value), default=None)
