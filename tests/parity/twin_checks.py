"""Checks of the twin itself (system_twin.py), by what is written without it: a VAE and a DCGAN by hand, version 1's oracle, and finite
differences. Part of `systems.py --self-test`."""

import os
import random

import torch
import yaml
from torch import nn

from random_specs import random_spec
from reference import run_evaluation as run_version_1_evaluation
from reference import run_training as run_version_1
from make_case import make_batch, make_weights
from specification import StrictLoader, parse_spec
from system_cases import clips, complete_draws
from system_cases import make_weights as make_system_weights
from system_spec import parse_system, read_system
from system_twin import Training, Twin, run_evaluation, run_training
from trainers import ROOT

functional = nn.functional
CLOSE = 1e-9  # float64 against float64, of numbers near 1


def far(a, b):
    return (a - b).abs().max().item() / max(1.0, b.abs().max().item())


def version_2(name, batch):
    system = read_system(os.path.join(ROOT, "specs", name + ".yaml"))
    system.training["batch"] = batch
    twin = Twin(system)
    weights = {key: value.double() if value.is_floating_point() else value for key, value in make_system_weights(twin, 3).items()}
    tensors = clips(system, 5) | complete_draws(twin, {}, 6)
    return twin, weights, {key: value.double() for key, value in tensors.items()}


def parts_of(module, weights, name):
    module.load_state_dict({key.removeprefix(name + "."): value for key, value in weights.items() if key.startswith(name + ".")})
    return module.double().train()


def flat(value):
    return value.flatten(1)


# ---- a variational auto-encoder ----


def conv_block(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU()]


def up_block(inputs, outputs):
    return [nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU()]


def vae_complaints():
    twin, weights, batch = version_2("vae", 3)
    blocks = conv_block(3, 32) + conv_block(32, 64) + conv_block(64, 128) + conv_block(128, 256)
    encoder = parts_of(nn.Sequential(*blocks, nn.Linear(4096, 128), nn.Linear(4096, 128)), weights, "encoder")
    up = up_block(256, 128) + up_block(128, 64) + up_block(64, 32)
    decoder = parts_of(nn.Sequential(nn.Linear(128, 4096), *up, nn.ConvTranspose2d(32, 3, 3, 2, 1, 1), nn.Tanh()), weights, "decoder")
    optimizers = [torch.optim.Adam(part.parameters(), lr=5e-3) for part in (encoder, decoder)]
    x, eps, losses = batch["x"][:, 0], batch["noise.eps.0"], []
    for _ in range(3):
        h = flat(encoder[:12](x))
        mean, log_variance = encoder[12](h), encoder[13](h)
        z = mean + (0.5 * log_variance).exp() * eps
        y = decoder[1:](decoder[0](z).view(-1, 256, 4, 4))
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
        loss = functional.mse_loss(y, x) + 2.5e-4 * divergence
        losses.append(loss.item())
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    found = run_training(twin, weights, batch, 3, torch.float64)
    theirs = [found.losses[0, "reconstruction", i] + found.losses[0, "prior", i] for i in range(3)]
    state = {f"encoder.{key}": value for key, value in encoder.state_dict().items()}
    state |= {f"decoder.{key}": value for key, value in decoder.state_dict().items()}
    return complaints("vae", losses, theirs, state, found.state)


# ---- a DCGAN, its discriminator first ----


def gan_complaints():
    twin, weights, batch = version_2("anogan", 2)
    layers = [nn.Linear(100, 8192, bias=False), nn.BatchNorm2d(512), nn.ReLU()]
    for inputs, outputs in ((512, 256), (256, 128), (128, 64)):
        layers += [nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    G = parts_of(nn.Sequential(*layers, nn.ConvTranspose2d(64, 1, 5, 2, 2, 1), nn.Tanh()), weights, "generator")
    layers = [nn.Conv2d(1, 64, 5, 2, 2), nn.LeakyReLU(0.2)]
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        layers += [nn.Conv2d(inputs, outputs, 5, 2, 2, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
    D = parts_of(nn.Sequential(*layers, nn.Linear(8192, 1)), weights, "discriminator")
    G_optimizer, D_optimizer = (torch.optim.Adam(part.parameters(), lr=2e-4, betas=(0.5, 0.999)) for part in (G, D))
    x, criterion, losses = batch["x"][:, 0], nn.BCEWithLogitsLoss(), []

    def generate(z):
        return G[1:](G[0](z).view(-1, 512, 4, 4))

    def judge(image):
        return D[-1](flat(D[:-1](image)))

    ones = torch.ones(2, 1, dtype=torch.float64)
    for _ in range(2):
        fake = generate(batch["noise.z.0"])
        told_apart = criterion(judge(x), ones) + criterion(judge(fake.detach()), 0 * ones)
        D_optimizer.zero_grad()
        told_apart.backward()
        D_optimizer.step()
        fooled = criterion(judge(generate(batch["noise.z.1"])), ones)
        G_optimizer.zero_grad()
        fooled.backward()
        G_optimizer.step()
        losses += [told_apart.item(), fooled.item()]
    found = run_training(twin, weights, batch, 2, torch.float64)
    theirs = [found.losses[key, name, i] for i in range(2) for key, name in ((0, "told_apart"), (1, "fooled"))]
    state = {f"generator.{key}": value for key, value in G.state_dict().items()}
    state |= {f"discriminator.{key}": value for key, value in D.state_dict().items()}
    return complaints("anogan", losses, theirs, state, found.state)


def complaints(name, losses, theirs, state, found):
    wrong = [f"{name}: loss {a} by hand, {b} by the twin" for a, b in zip(losses, theirs) if not abs(a - b) <= CLOSE * abs(a)]
    if list(state) != list(found):
        wrong.append(f"{name}: other parameters: {sorted(set(state) ^ set(found))}")
    return wrong + [f"{name}: {key} is another" for key in state if key in found and not far(found[key].double(), state[key].double()) <= CLOSE]


# ---- version 1's oracle ----


def as_system(spec_text):
    """The same network in language version 2, and the names of its parameters there."""
    values = yaml.load(spec_text, StrictLoader)
    spec = parse_spec(spec_text)
    channels, height, width = spec.encoder_shapes[-1]
    layers, names, count = [], {}, 0
    middle = []
    if spec.latent:
        middle = [("fc1.0", {"linear": {"features": spec.latent}})]
        middle += [("gru", {"gru": values["gru"]})] if spec.gru else []
        middle += [("fc3.0", {"linear": {"shape": [channels, height, width]}})]
    for part, item in [("encoder", layer) for layer in values["encoder"]] + middle + [("decoder", layer) for layer in values["decoder"]]:
        keys = next(iter(item.values()))
        first = sum(name.startswith(part + ".") and part in ("encoder", "decoder") for name in names)
        modules = 1 + (keys.get("norm") == "batch") + (keys.get("activation", "none") != "none")
        for offset in range(modules):
            names[f"{part}.{first + offset}" if part in ("encoder", "decoder") else part] = f"all_of_it.{count + offset}"
        count += modules
        layers.append(item)
    system = {"version": 2, "name": "as_system", "input": values["input"], "networks": {"all_of_it": layers}}
    system |= {"values": {"y": "all_of_it(x)"}, "losses": {"loss": {values.get("loss", "mse"): ["y", "x"]}}, "outputs": {"recon": "y"}}
    system |= {"optimizer": values["optimizer"], "training": values["training"]}
    return spec, parse_system(yaml.safe_dump(system, sort_keys=False)), names


def version_1_complaints(count=5):
    wrong = []
    for index in range(count):
        spec, system, names = as_system(random_spec(7, index)[1])
        weights, batch = make_weights(spec, index), make_batch(spec, index)
        renamed = {names[key.rsplit(".", 1)[0]] + "." + key.rsplit(".", 1)[1]: value for key, value in weights.items()}
        twin = Twin(system)
        state = {name: renamed[name] for name in twin.networks.state_dict()}
        place = names.get("gru", "").split(".")[-1]
        tensors = {"x": batch["x"]} | ({f"state.all_of_it.{place}.0.0": batch["h0"]} if "h0" in batch else {})
        before = run_version_1(spec, weights, batch, 3, torch.float64)
        found = run_training(twin, state, tensors, 3, torch.float64)
        moved = {names[key.rsplit(".", 1)[0]] + "." + key.rsplit(".", 1)[1]: value for key, value in before.state.items()}
        moved = {name: moved[name] for name in found.state}
        wrong += complaints(f"version 1, {index}", before.losses, [found.losses[0, "loss", i] for i in range(3)], moved, found.state)
        reconstruction = run_version_1_evaluation(spec, weights, batch, torch.float64).recon
        if not far(run_evaluation(twin, state, tensors, torch.float64).outputs["recon"], reconstruction) <= CLOSE:
            wrong.append(f"version 1, {index}: another reconstruction")
    return wrong


# ---- finite differences ----


def difference_complaints():
    """Of some parameters in each step, all steps at the same weights."""
    system = read_system(os.path.join(ROOT, "tests", "parity", "everything.yaml"))
    twin, draw, wrong, size = Twin(system), random.Random(1), [], 1e-6
    weights = {key: value.double() if value.is_floating_point() else value for key, value in make_system_weights(twin, 3).items()}
    batch = clips(system, 5) | complete_draws(twin, {}, 6)

    def without_updates(changed):
        training = Training(twin, changed, batch, torch.float64)
        for optimizer in training.optimizers.values():
            optimizer.step = lambda: None
        return training.run(1)

    found = without_updates(weights)
    for index, name in draw.sample(sorted(found.gradients), 12):
        place, totals = draw.randrange(weights[name].numel()), []
        for sign in (1, -1):
            moved = {key: value.clone() for key, value in weights.items()}
            moved[name].view(-1)[place] += sign * size
            losses = without_updates(moved).losses
            factors = system.steps[index].updates[name.split(".")[0]]
            totals.append(sum(factor * losses[index, loss, 0] for loss, factor in factors.items()))
        slope, gradient = (totals[0] - totals[1]) / (2 * size), found.gradients[index, name].reshape(-1)[place].item()
        if not abs(slope - gradient) <= 1e-6 * max(1, abs(gradient)):
            wrong.append(f"finite differences: {name}[{place}] has slope {slope}, gradient {gradient}")
    return wrong


def twin_complaints():
    return vae_complaints() + gan_complaints() + version_1_complaints() + difference_complaints()
