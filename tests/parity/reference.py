"""The oracle: the PyTorch module of a spec, with exactly the names of docs/spec.md, its loss, its optimizer, and a training step."""

from dataclasses import dataclass, field

import torch
from torch import nn


def build_layers(layers, channels):
    modules = []
    for layer in layers:
        arguments = {
            "kernel_size": layer.kernel,
            "stride": layer.stride,
            "padding": layer.padding,
            "bias": layer.bias,
        }
        if layer.transposed:
            modules.append(nn.ConvTranspose2d(channels, layer.channels, output_padding=layer.output_padding, **arguments))
        else:
            modules.append(nn.Conv2d(channels, layer.channels, **arguments))
        if layer.norm == "batch":
            modules.append(nn.BatchNorm2d(layer.channels))
        if layer.activation == "leaky_relu":
            modules.append(nn.LeakyReLU(layer.slope))
        elif layer.activation != "none":
            modules.append({"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}[layer.activation]())
        channels = layer.channels
    return nn.Sequential(*modules)


class AutoEncoder(nn.Module):
    def __init__(self, spec, with_fc2=False):
        """with_fc2: as the original network, whose state_dict also holds a layer that nothing uses."""
        super().__init__()
        self.spec = spec
        self.encoder = build_layers(spec.encoder, spec.input.channels)
        channels, height, width = spec.encoder_shapes[-1]
        self.encoded_shape = (channels, height, width)
        features = channels * height * width
        if spec.latent:
            self.fc1 = nn.Sequential(nn.Linear(features, spec.latent))
            latent = spec.latent
            if spec.gru:
                self.gru = nn.GRU(spec.latent, spec.gru.hidden, spec.gru.layers, batch_first=True)
                latent = spec.gru.hidden
            if with_fc2:
                self.fc2 = nn.Sequential(nn.Linear(latent, spec.latent))
            self.fc3 = nn.Sequential(nn.Linear(latent, features))
        self.decoder = build_layers(spec.decoder, channels)

    def forward(self, x, h0=None):
        """x: [B, T, C, H, W], h0: [layers, B, hidden] → [B, T, C, H, W]"""
        batch, steps = x.shape[:2]
        y = self.encoder(x.flatten(0, 1))
        if self.spec.latent:
            y = self.fc1(y.flatten(1))
            if self.spec.gru:
                y = self.gru(y.view(batch, steps, -1), h0)[0].flatten(0, 1)
            y = self.fc3(y).view(batch * steps, *self.encoded_shape)
        return self.decoder(y).view(x.shape)


def loss_of(spec, reconstruction, x):
    return (nn.functional.l1_loss if spec.loss == "l1" else nn.functional.mse_loss)(reconstruction, x)


def build_optimizer(spec, parameters, **variant):
    """As PyTorch defines each, in the variant that it chooses by itself unless one is given."""
    options = spec.optimizer
    if options.name == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=options.learning_rate,
            momentum=options.momentum,
            weight_decay=options.weight_decay,
            **variant,
        )
    kind = torch.optim.AdamW if options.name == "adamw" else torch.optim.Adam
    return kind(
        parameters,
        lr=options.learning_rate,
        betas=options.betas,
        eps=options.epsilon,
        weight_decay=options.weight_decay,
        **variant,
    )


@dataclass
class Outcome:
    """What `step` writes, by PyTorch: tensors in double for comparison. Of an evaluation only loss and recon."""

    losses: list = field(default_factory=list)
    recon: torch.Tensor | None = None
    gradients: dict = field(default_factory=dict)
    state: dict = field(default_factory=dict)
    kinks: dict = field(default_factory=dict)  # what each ReLU was given at the first step, by module; "loss": y − x of L1


def watch_kinks(module, inputs):
    """Hooks that keep what each ReLU and leaky ReLU is given, by the module's name."""

    def watch(name, part):
        return part.register_forward_pre_hook(lambda _, arguments: inputs.update({name: arguments[0].detach().double().clone()}))

    return [watch(name, part) for name, part in module.named_modules() if isinstance(part, (nn.ReLU, nn.LeakyReLU))]


def load_module(spec, weights, dtype):
    module = AutoEncoder(spec)
    module.load_state_dict(weights, strict=True)
    return module.to(dtype)


def run_training(spec, weights, batch, steps, dtype):
    module = load_module(spec, weights, dtype).train()
    optimizer = build_optimizer(spec, module.parameters())
    x = batch["x"].to(dtype)
    h0 = batch["h0"].to(dtype) if "h0" in batch else None
    outcome = Outcome()
    hooks = watch_kinks(module, outcome.kinks)
    for step in range(steps):
        optimizer.zero_grad()
        reconstruction = module(x, h0)
        loss = loss_of(spec, reconstruction, x)
        loss.backward()
        outcome.losses.append(loss.item())
        if step == 0:
            for hook in hooks:
                hook.remove()
            outcome.recon = reconstruction.detach().double()
            if spec.loss == "l1":
                outcome.kinks["loss"] = (reconstruction - x).detach().double()
            outcome.gradients = {name: p.grad.detach().double().clone() for name, p in module.named_parameters()}
        optimizer.step()
    outcome.state = {name: value.detach().clone() for name, value in module.state_dict().items()}
    return outcome


def run_evaluation(spec, weights, batch, dtype):
    module = load_module(spec, weights, dtype).eval()
    x = batch["x"].to(dtype)
    h0 = batch["h0"].to(dtype) if "h0" in batch else None
    with torch.no_grad():
        reconstruction = module(x, h0)
        loss = loss_of(spec, reconstruction, x)
    return Outcome(losses=[loss.item()], recon=reconstruction.double())
