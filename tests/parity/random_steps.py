"""Random steps, optimizers, outputs, score and search for random_systems.py."""

import torch

from system_spec import parse_system
from system_twin import Twin, Values, loss_of, loss_values


def reach_of_losses(source):
    """{loss: {network: names of parameters that it reaches}}, each network's parameters, and the twin."""
    system = parse_system(source)
    twin = Twin(system)
    torch.manual_seed(0)
    twin.set_training(True)
    x = torch.rand(system.clip_shape) * 2 - 1
    noises = {f"noise.{name}": torch.rand(system.training.batch, *noise.shape) for name, noise in system.noises.items()}
    parameters = {name: dict(network.named_parameters()) for name, network in twin.networks.items()}
    reached = {}
    for loss, terms in system.losses.items():
        state = Values(system, twin.networks, x, noises.get).compute(loss_values(terms))
        total = loss_of(terms, state)
        reached[loss] = {}
        for name, own in parameters.items():
            found = [None] * len(own)
            if own and total.requires_grad:
                found = torch.autograd.grad(total, list(own.values()), retain_graph=True, allow_unused=True)
            reached[loss][name] = {key for key, gradient in zip(own, found) if gradient is not None}
    return reached, {name: set(own) for name, own in parameters.items()}, twin


def draw_optimizer(draw):
    name = draw.choice(("adam", "adam", "adamw", "sgd", "rmsprop"))
    optimizer = {"name": name, "learning_rate": draw.choice((1e-4, 2e-4, 5e-4))}
    if name == "sgd":
        optimizer["learning_rate"] = draw.choice((1e-3, 1e-2))
    if name in ("sgd", "rmsprop") and draw.random() < 0.6:
        optimizer["momentum"] = draw.choice((0.5, 0.9))
        if name == "sgd" and draw.random() < 0.5:
            optimizer["nesterov"] = True
    if name == "rmsprop" and draw.random() < 0.5:
        optimizer |= {"alpha": 0.9, "epsilon": 1e-6}
    if name in ("adam", "adamw") and draw.random() < 0.4:
        optimizer |= {"betas": draw.choice(([0.8, 0.99], [0.5, 0.999])), "epsilon": draw.choice((1e-7, 1e-6))}
    if draw.random() < 0.3:
        optimizer["weight_decay"] = draw.choice((1e-5, 1e-2))
    if draw.random() < 0.3:
        optimizer["clip_norm"] = draw.choice((0.05, 1, 20))
    if draw.random() < 0.3:
        optimizer["warm_up"] = draw.choice((1, 3, 20))
    if draw.random() < 0.4:
        optimizer["schedule"] = draw.choice(
            (
                {"name": "exponential", "gamma": 0.9, "every": 2},
                {"name": "exponential", "gamma": 0.8},
                {"name": "step", "gamma": 0.5, "at": [5, 2]},
                {"name": "cosine", "to": 0.1, "over": 6},
                {"name": "cosine", "over": 50},
                {"name": "linear", "to": 0, "over": 20},
                {"name": "linear", "to": 2, "over": 3},
            )
        )
    return optimizer


def draw_updates(draw, networks, reached, parameters):
    """Network → losses, of those networks that some losses reach in all of their parameters."""
    updates = {}
    for name in networks:
        losses = [loss for loss in reached if reached[loss][name]]
        draw.shuffle(losses)
        chosen, missing = [], set(parameters[name])
        for loss in losses:
            if missing & reached[loss][name] or draw.random() < 0.2:
                chosen.append(loss)
                missing -= reached[loss][name]
        if missing or not chosen:
            continue
        if draw.random() < 0.4:
            updates[name] = {loss: draw.choice((1, 0.5, -0.2, 2)) for loss in chosen}
        else:
            updates[name] = chosen if len(chosen) > 1 or draw.random() < 0.3 else chosen[0]
    return updates


def draw_steps(draw, reached, parameters):
    trainable = [name for name in parameters if draw_updates(draw, [name], reached, parameters)]
    steps, left = [], list(trainable)
    draw.shuffle(left)
    while left:
        count = draw.randrange(1, len(left) + 1)
        networks, left = left[:count], left[count:]
        networks += draw.sample(trainable, 1) if draw.random() < 0.15 else []
        step = {"update": draw_updates(draw, dict.fromkeys(networks), reached, parameters)}
        if steps and draw.random() < 0.4:
            step["noise"] = "kept"
        if draw.random() < 0.3:
            step["batch"] = draw.choice(("next", "each"))
        if draw.random() < 0.2:
            step["times"] = draw.choice((2, 3))
        if draw.random() < 0.2:
            step["every"] = draw.choice((2, 3))
        steps.append(step)
    return steps, trainable


def draw_evaluation(draw, maker, values, twin, losses):
    """Outputs, score and search."""
    system, free = twin.system, [value for value in maker.known if not value.joined]
    outputs = {f"out{index}": value.text for index, value in enumerate(draw.sample(free, min(len(free), draw.randrange(0, 3))))}
    clips = [value.text for value in maker.alike(maker.known[0]) if value.text != "x"]
    if clips and draw.random() < 0.8:
        outputs["reconstruction"] = draw.choice(clips)
        if draw.random() < 0.2:
            outputs["target"] = draw.choice(["x", *clips])
    if clips and draw.random() < 0.2:
        outputs["samples"] = draw.choice(clips)
    if draw.random() < 0.3:
        name = draw.choice(list(maker.networks))
        arguments = [draw.choice(maker.alike(known) or [known]).text for known in maker.arguments[name][0]]
        outputs["called"] = f"{name}({', '.join(arguments)})"
    evaluation = {"outputs": outputs} if outputs else {}
    scores = [name for name in losses if not any(twin.joined[value] for value in loss_values(system.losses[name]))]
    if not scores or draw.random() < 0.3:
        return evaluation
    chosen = draw.sample(scores, draw.randrange(1, min(len(scores), 3) + 1))
    frames = {twin.shapes[term.value][1] for name in chosen for term in system.losses[name]}
    score = {"sum": {name: draw.choice((1, 0.5, 2)) for name in chosen}}
    if len(frames) == 1 and max(frames) <= maker.clip[1] and draw.random() < 0.5:
        score["per"] = "frame"
        score["first_frame"] = draw.randrange(0, maker.clip[1] - max(frames) + 1)
    evaluation["score"] = score
    read = noises_of(twin, [value for name in chosen for value in loss_values(system.losses[name])])
    if read and score.get("per") != "frame" and draw.random() < 0.6:
        optimizer = {key: value for key, value in draw_optimizer(draw).items() if key != "weight_decay"}
        evaluation["search"] = {"noise": draw.choice(sorted(read)), "steps": draw.randrange(1, 5), "optimizer": optimizer | {"learning_rate": 0.01}}
    return evaluation


def noises_of(twin, wanted):
    """Those that these values depend on in evaluation; in a joined batch, of the half that is looked at."""
    system = twin.system
    twin.set_training(False)
    noises = {f"noise.{name}": torch.rand(2, *noise.shape).requires_grad_() for name, noise in system.noises.items()}
    if not noises:
        return set()
    values = Values(system, twin.networks, torch.rand(2, *system.clip_shape[1:]), noises.get).compute(wanted)
    total = sum(values[value].sum() for value in wanted)
    if not total.requires_grad:
        return set()
    found = torch.autograd.grad(total, list(noises.values()), allow_unused=True)
    return {name.split(".")[1] for name, gradient in zip(noises, found) if gradient is not None and gradient.any()}


def draw_training(draw, values, trainable):
    if len(trainable) > 1 and draw.random() < 0.5:
        chosen = draw.sample(trainable, draw.randrange(1, len(trainable)))
        values["optimizers"] = {name: draw_optimizer(draw) for name in chosen} | {"all": draw_optimizer(draw)}
    elif draw.random() < 0.9:
        values["optimizer"] = draw_optimizer(draw)
    if draw.random() < 0.3:
        values["average"] = draw.choice((0.5, 0.9, 0.999))
    initial = {}
    if draw.random() < 0.3:
        initial["weights"] = draw.choice(({"normal": 0.1}, {"kaiming": "relu"}, {"kaiming": "leaky_relu"}, "xavier"))
    if draw.random() < 0.2:
        initial["bias"] = draw.choice((0, 0.1))
    if draw.random() < 0.2:
        initial["norm"] = {"normal": 0.1}
    if initial:
        values["initial"] = initial
