"""Trains the PyTorch twin of a system as `train` would: new draws and new items in each iteration, by a generator of PyTorch's own."""

import torch

from system_cases import evaluation_draws, training_draws
from system_twin import Evaluation, Training


def new_batch(twin, sample, generator):
    """Everything that an iteration reads. sample(generator): x, [B, T, C, H, W]."""
    steps = twin.system.steps
    if any(step.keys.times > 1 for step in steps):
        raise NotImplementedError("a step with `times` draws more than once in an iteration")
    batch = {key: draw.make(generator) for key, draw in training_draws(twin).items()}
    for key in ["x"] + [f"x.{index}" for index, step in enumerate(steps) if step.keys.batch != "same"]:
        batch[key] = sample(generator)
    return batch


def train_twin(twin, sample, seed, iterations):
    """The trained weights with their averages, and the losses: {(step, name, iteration): value}."""
    weights = twin.initial_state(seed)
    generator = torch.Generator().manual_seed(seed)
    training = Training(twin, weights, new_batch(twin, sample, generator), torch.float32)
    outcome = training.run(iterations, lambda: new_batch(twin, sample, generator))
    return outcome.state | {f"average.{name}": value for name, value in outcome.averages.items()}, outcome.losses


def first_items(key, drawn, count):
    """Initial states are [layers, B, hidden]; whatever else is drawn is [B, …]."""
    return drawn[:, :count] if key.startswith("state.") else drawn[:count]


def evaluate_twin(twin, weights, items, seed):
    """An Outcome for each batch of items, [N, T, C, H, W], one after another."""
    generator = torch.Generator().manual_seed(seed)
    for part in items.split(twin.system.training.batch):
        draws = {key: first_items(key, draw.make(generator), len(part)) for key, draw in evaluation_draws(twin).items()}
        yield Evaluation(twin, weights, {"x": part} | draws, torch.float32).run()
