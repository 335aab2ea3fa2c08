"""Compares what a system's `step` wrote with PyTorch, by the rules of compare.py: figures of the same kinds, within the same tolerances.

A gradient of a step whose weights another update has moved is, like losses and parameters, compared with runs of PyTorch whose weights
differ by a unit in the last place where float32 does not allow the tolerance.
"""

from compare import TIMES_FLOAT32, TOLERANCES, ZERO_IN_FLOAT64, Figure, absolute, judge, judge_by_neighbours, relative, relative_norm


def relative_largest(a, b):
    largest = b.abs().max().item()
    difference = (a - b).abs().max().item()
    return difference / largest if largest else (0.0 if difference == 0 else float("inf"))


class Taker:
    """Takes tensors out of what was written, and remembers what is missing, of another shape, or too many."""

    def __init__(self, output):
        self.left, self.complaints = dict(output), []

    def take(self, name, shape):
        tensor = self.left.pop(name, None)
        if tensor is None:
            self.complaints.append(f"{name} is missing")
        elif tuple(tensor.shape) != tuple(shape) and not (tensor.numel() == 1 and not shape):
            self.complaints.append(f"{name} has shape {list(tensor.shape)}, not {list(shape)}")
        else:
            return tensor
        return None

    def close(self):
        return self.complaints + [f"{name} is unexpected" for name in self.left]


class Layers:
    """Which gradients share a layer: those of one module; and those of a product with its norm, or of one with the norm that follows it,
    where all of one module's are zero (a scale in front of batch norm changes nothing)."""

    def __init__(self, system):
        self.with_norm = {}
        for name, network in system.networks.items():
            before = None
            for layer in network.layers:
                own = layer.modules.get("own", before if layer.kind == "norm" else None)
                if "norm" in layer.modules and own is not None:
                    self.with_norm[f"{name}.{own}"] = self.with_norm[f"{name}.{layer.modules['norm']}"] = f"{name}.{own}"
                before = layer.modules.get("own", before)

    @staticmethod
    def module_of(name):
        return name.rsplit(".", 1)[0]

    def largest_norm(self, key, gradients, with_norm):
        def group(name):
            module = self.module_of(name)
            return self.with_norm.get(module, module) if with_norm else module

        step, name = key
        return max(g.norm().item() for (s, other), g in gradients.items() if s == step and group(other) == group(name))


def judge_gradient(layers, case, key, ours):
    step, name = key
    single, double = case.single.gradients[key].double(), case.double.gradients[key]
    figure = judge("gradient", f"step{step}.grad.{name}", relative_norm, ours, single, double)
    if figure.how == "plain" or figure.value != figure.value:
        return figure
    scale = layers.largest_norm(key, case.single.gradients, False)
    is_zero = double.norm().item() <= ZERO_IN_FLOAT64 * layers.largest_norm(key, case.double.gradients, True)
    if is_zero and single.norm().item() >= scale:
        scale = layers.largest_norm(key, case.single.gradients, True)
    if is_zero or step in case.kinked:
        value = relative_norm(ours, single, single.norm().item() + scale)
        if value <= TOLERANCES["gradient"]:
            return Figure("gradient", figure.name, value, True, "zero" if is_zero else "kink")
    if step in case.kinked or moved_before(case.spec, step):
        return judge_by_neighbours(case, figure, relative_norm, ours, lambda outcome: outcome.gradients[key].double())
    return figure


def moved_before(system, step):
    """Whether an update of the first iteration comes before that step's first gradients."""
    return step > 0


def compare_losses(case, taker):
    figures = []
    for key, theirs in case.single.losses.items():
        step, name, iteration = key
        ours = taker.take(f"step{step}.loss.{name}.{iteration}", ())
        if ours is None:
            continue
        ours = [ours.double().item()]
        kind = "losses" if iteration or moved_before(case.spec, step) else "loss"
        figure = judge(kind, f"step{step}.loss.{name}.{iteration}", relative, ours, [theirs], [case.double.losses[key]])
        figures.append(judge_by_neighbours(case, figure, relative, ours, lambda outcome, key=key: [outcome.losses[key]]))
    return figures


def compare_state(case, taker, prefix, field):
    figures = []
    for name, value in getattr(case.single, field).items():
        ours = taker.take(f"{prefix}.{name}", value.shape)
        if ours is None:
            continue
        if not value.is_floating_point():
            if ours.dtype != value.dtype or ours.item() != value.item():
                taker.complaints.append(f"{prefix}.{name} is {ours.item()} ({ours.dtype}), not {value.item()}")
            continue
        double = getattr(case.double, field)[name].double()
        figure = judge("state", f"{prefix}.{name}", absolute, ours.double(), value.double(), double)

        def of(outcome, name=name):
            return getattr(outcome, field)[name].double()

        figures.append(judge_by_neighbours(case, figure, absolute, ours.double(), of))
    return figures


def compare_training(case, output):
    """output: the tensors of O by name. Returns figures, and complaints."""
    taker = Taker({name: value for name, value in output.items() if not name.startswith("drawn.")})
    figures = compare_losses(case, taker)
    layers = Layers(case.spec)
    for key, gradient in case.single.gradients.items():
        ours = taker.take(f"step{key[0]}.grad.{key[1]}", gradient.shape)
        if ours is not None:
            figures.append(judge_gradient(layers, case, key, ours.double()))
    figures += compare_state(case, taker, "param", "state") + compare_state(case, taker, "average", "averages")
    given = [f"{name} was given, not drawn" for name in output if name.startswith("drawn.")]
    state = {name.removeprefix("param."): value for name, value in output.items() if name.startswith("param.")}
    try:
        case.twin.networks.float().load_state_dict(state, strict=True)
    except RuntimeError as error:
        taker.complaints.append("param.* does not load with strict=True: " + " ".join(str(error).split()))
    return figures, taker.close() + given


def compare_evaluation(case, output):
    taker, figures = Taker(output), []
    single, double = case.single_evaluation, case.double_evaluation

    def compare(kind, name, distance, value_of):
        ours = taker.take(name, value_of(single).shape)
        if ours is None:
            return
        figure = judge(kind, name, distance, ours.double(), value_of(single).double(), value_of(double).double())
        if not figure.passed and case.spec.search and figure.value == figure.value:
            theirs = max(distance(value_of(outcome).double(), value_of(double).double()) for outcome in case.evaluation_neighbours)
            figure.ratio = distance(ours.double(), value_of(double).double()) / theirs if theirs else float("inf")
            figure.passed = figure.ratio <= TIMES_FLOAT32
        figures.append(figure)

    for name in single.outputs:
        compare("recon", f"output.{name}", absolute, lambda outcome, name=name: outcome.outputs[name])
    if single.score is not None:
        compare("loss", "score", relative_largest, lambda outcome: outcome.score)
    return figures, taker.close()
