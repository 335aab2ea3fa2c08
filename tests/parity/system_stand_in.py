"""PyTorch in float64 as a system's trainer: it shows that the comparison passes what is right and fails what is wrong."""

import os

import torch
from safetensors.torch import load, load_file, save

from system_cases import training_draws
from system_twin import Twin, run_evaluation, run_training

FAULTS = {
    "": "none",
    "gradient": "a gradient off by 0.1%",
    "loss": "losses off by 0.03%",
    "update": "parameters off by 0.0006",
    "average": "averages as the weights",
    "statistics": "running variances off by 1%",
    "missing": "a gradient is missing",
    "dropout": "a dropout factor of 1",
    "same draws": "every step's noise is that of the first",
    "output": "an output off by 0.00002",
    "score": "a score off by 0.003%",
    "more": "a tensor that nobody asked for",
}


def tensors_of_training(outcome):
    """By the names of `step`."""
    output = {f"step{step}.loss.{name}.{i}": torch.tensor(value, dtype=torch.float64) for (step, name, i), value in outcome.losses.items()}
    output |= {f"step{step}.grad.{name}": value for (step, name), value in outcome.gradients.items()}
    output |= {f"param.{name}": value for name, value in outcome.state.items()}
    return output | {f"average.{name}": value for name, value in outcome.averages.items()}


def tensors_of_evaluation(outcome):
    """By the names of `step --eval`."""
    output = {f"output.{name}": value for name, value in outcome.outputs.items()}
    return output | ({"score": outcome.score} if outcome.score is not None else {})


def run_step(twin, weights, batch, steps, evaluate):
    weights, batch = load_file(weights), load_file(batch)
    generator = torch.Generator().manual_seed(77)
    drawn = {}
    if not evaluate:
        for key, draw in training_draws(twin).items():
            if key not in batch and key.rsplit(".", 1)[0] not in batch:
                drawn[key] = draw.make(generator).float()
    if evaluate:
        return tensors_of_evaluation(run_evaluation(twin, weights, batch, torch.float64))
    outcome = run_training(twin, weights, batch | drawn, steps, torch.float64)
    return {f"drawn.{key}": value for key, value in drawn.items()} | tensors_of_training(outcome)


def spoil(output, fault):
    names = sorted(output)

    def of(prefix, ending=""):
        return [name for name in names if name.startswith(prefix) and name.endswith(ending)]

    gradients = [name for name in names if ".grad." in name]
    largest = max(gradients, key=lambda name: output[name].norm().item(), default=None)
    if fault == "gradient" and gradients:
        output[largest] = output[largest] * 1.001
    elif fault == "loss":
        for name in names:
            if ".loss." in name:
                output[name] = output[name] * (1 + 3e-4)
    elif fault == "update":
        for name in of("param.", "weight"):
            output[name] = output[name] + 6e-4
    elif fault == "average":
        for name in of("average."):
            output[name] = output["param." + name.removeprefix("average.")] + 1e-3
    elif fault == "statistics":
        for name in of("param.", "running_var"):
            output[name] = output[name] * 0.99
    elif fault == "missing" and gradients:
        del output[largest]
    elif fault == "dropout":
        for name in of("drawn.dropout."):
            output[name] = output[name].clamp(max=1)
    elif fault == "same draws":
        for name in of("drawn.noise."):
            output[name] = output[name.rsplit(".", 1)[0] + ".0"].clone()
    elif fault == "output":
        for name in of("output."):
            output[name] = output[name] + 2e-5
    elif fault == "score" and "score" in output:
        output["score"] = output["score"] * (1 + 3e-5)
    elif fault == "more":
        output["recon"] = torch.zeros(3)
    return output


class StandIn:
    """In the place of trainers.Trainer."""

    def __init__(self, system, directory, fault):
        self.twin, self.directory, self.fault = Twin(system), directory, fault
        self.threads, self.known = 1, {}

    def step(self, target, steps=1, evaluate=False, threads=None):
        """Returns the tensors of O by name, and its bytes. What was asked before is not computed again."""
        with open(self.path("B"), "rb") as file:
            question = steps, evaluate, hash(file.read())
        if question not in self.known:
            output = run_step(self.twin, self.path("W"), self.path("B"), steps, evaluate)
            output = {name: value if value.dtype == torch.int64 else value.float() for name, value in output.items()}
            self.known[question] = save({name: value.contiguous() for name, value in spoil(output, self.fault).items()})
        return load(self.known[question]), self.known[question]

    def path(self, name):
        return os.path.join(self.directory, name + ".safetensors")
