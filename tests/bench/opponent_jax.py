"""JAX's training step of a spec, as a program that bench.py controls (serve.py): one jitted function of forward pass, gradients and optimizer, whose
buffers are donated; float32, images in NHWC, which XLA prefers on CPUs.

    python opponent_jax.py SPEC MODE THREADS W.safetensors B.safetensors
"""

import os
import sys

THREADS = int(sys.argv[3]) if len(sys.argv) == 6 else 1
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # XLA uses a thread for each processor that it may use

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "parity"))

from serve import serve  # noqa: E402
from specification import read_spec  # noqa: E402

EPSILON, MOMENTUM = 1e-5, 0.1  # of batch norm
ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}


def place_names(layers, place):
    """[(layer, name of the convolution, name of its batch norm)], numbered as in PyTorch's Sequential."""
    index, named = 0, []
    for layer in layers:
        named.append((layer, f"{place}.{index}", f"{place}.{index + 1}"))
        index += 1 + (layer.norm == "batch") + (layer.activation != "none")
    return named


def import_weights(spec, weights):
    """PyTorch's tensors as this network has them: kernels in HWIO, features of the linear layers in the order H, W, C."""
    channels, height, width = spec.encoder_shapes[-1]
    parameters, statistics = {}, {}
    for layer, conv, norm in place_names(spec.encoder, "encoder") + place_names(spec.decoder, "decoder"):
        kernel = weights.pop(conv + ".weight")
        weights[conv + ".weight"] = kernel[:, :, ::-1, ::-1].transpose(2, 3, 0, 1) if layer.transposed else kernel.transpose(2, 3, 1, 0)
        if layer.norm == "batch":
            statistics[norm] = (jnp.asarray(weights.pop(norm + ".running_mean")), jnp.asarray(weights.pop(norm + ".running_var")))
            weights.pop(norm + ".num_batches_tracked")
    if spec.latent:
        weights["fc1.0.weight"] = weights["fc1.0.weight"].reshape(-1, channels, height, width).transpose(2, 3, 1, 0).reshape(-1, spec.latent)
        rows = weights["fc3.0.weight"].reshape(channels, height, width, -1).transpose(3, 1, 2, 0)
        weights["fc3.0.weight"] = rows.reshape(rows.shape[0], -1)
        weights["fc3.0.bias"] = weights["fc3.0.bias"].reshape(channels, height, width).transpose(1, 2, 0).reshape(-1)
    for name, value in weights.items():
        parameters[name] = jnp.asarray(value)
    return parameters, statistics


def convolve(layer, y, kernel):
    pads = []
    for axis in range(2):
        before = after = layer.padding[axis]
        if layer.transposed:
            before = layer.kernel[axis] - 1 - layer.padding[axis]
            after = before + layer.output_padding[axis]
        pads.append((before, after))
    strides = {"lhs_dilation": layer.stride} if layer.transposed else {}
    return lax.conv_general_dilated(y, kernel, (1, 1) if layer.transposed else layer.stride, pads,
                                    dimension_numbers=("NHWC", "HWIO", "NHWC"), **strides)


def batch_norm(y, scale, shift, running):
    """Normalises by the batch; returns the running statistics after it, too."""
    mean, variance = jnp.mean(y, (0, 1, 2)), jnp.var(y, (0, 1, 2))
    count = y.size // y.shape[-1]
    unbiased = variance * (count / (count - 1))
    running = (running[0] + MOMENTUM * (mean - running[0]), running[1] + MOMENTUM * (unbiased - running[1]))
    return (y - mean) * (scale * lax.rsqrt(variance + EPSILON)) + shift, running


def run_layers(layers, place, y, parameters, statistics):
    after = {}
    for layer, conv, norm in place_names(layers, place):
        y = convolve(layer, y, parameters[conv + ".weight"])
        if layer.bias:
            y = y + parameters[conv + ".bias"]
        if layer.norm == "batch":
            y, after[norm] = batch_norm(y, parameters[norm + ".weight"], parameters[norm + ".bias"], statistics[norm])
        if layer.activation == "leaky_relu":
            y = jax.nn.leaky_relu(y, layer.slope)
        elif layer.activation != "none":
            y = ACTIVATIONS[layer.activation](y)
    return y, after


def gru(y, h0, parameters, layers):
    """y: [B, T, latent] → [B, T, hidden]"""
    for index in range(layers):
        w_ih, w_hh, b_ih, b_hh = (parameters[f"gru.{name}_l{index}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        projected = (y @ w_ih.T + b_ih).swapaxes(0, 1)

        def step(h, x, w_hh=w_hh, b_hh=b_hh):
            x_r, x_z, x_n = jnp.split(x, 3, -1)
            h_r, h_z, h_n = jnp.split(h @ w_hh.T + b_hh, 3, -1)
            z = jax.nn.sigmoid(x_z + h_z)
            h = (1 - z) * jnp.tanh(x_n + jax.nn.sigmoid(x_r + h_r) * h_n) + z * h
            return h, h

        y = lax.scan(step, h0[index], projected)[1].swapaxes(0, 1)
    return y


def loss_of(spec, parameters, statistics, x, h0):
    """x: [B, T, H, W, C] → loss, running statistics"""
    frames = x.reshape(-1, *x.shape[2:])
    y, after = run_layers(spec.encoder, "encoder", frames, parameters, statistics)
    if spec.latent:
        shape = y.shape
        y = y.reshape(len(frames), -1) @ parameters["fc1.0.weight"] + parameters["fc1.0.bias"]
        if spec.gru:
            y = gru(y.reshape(*x.shape[:2], -1), h0, parameters, spec.gru.layers).reshape(len(frames), -1)
        y = (y @ parameters["fc3.0.weight"] + parameters["fc3.0.bias"]).reshape(shape)
    y, more = run_layers(spec.decoder, "decoder", y, parameters, statistics)
    error = y - frames
    return jnp.mean(jnp.abs(error) if spec.loss == "l1" else error * error), after | more


def update(options, parameter, gradient, moments, step):
    """One parameter's step of PyTorch's Adam, AdamW or SGD; moments: a pair."""
    m, v = moments
    rate, decay = options.learning_rate, options.weight_decay
    if options.name == "adamw":
        parameter = parameter * (1 - rate * decay)
    else:
        gradient = gradient + decay * parameter
    if options.name == "sgd":
        m = options.momentum * m + gradient
        return parameter - rate * m, (m, v)
    beta1, beta2 = options.betas
    m, v = beta1 * m + (1 - beta1) * gradient, beta2 * v + (1 - beta2) * gradient * gradient
    root = jnp.sqrt(v) / jnp.sqrt(1 - beta2**step) + options.epsilon
    return parameter - rate / (1 - beta1**step) * m / root, (m, v)


def make_step(spec, weights, batch):
    parameters, statistics = import_weights(spec, weights)
    moments = {name: (jnp.zeros_like(value), jnp.zeros_like(value)) for name, value in parameters.items()}
    x = jnp.asarray(batch["x"].transpose(0, 1, 3, 4, 2))
    h0 = jnp.asarray(batch["h0"]) if "h0" in batch else None

    def train(state, x, h0):
        parameters, statistics, moments, count = state
        count = count + 1
        gradients_of = jax.value_and_grad(lambda p: loss_of(spec, p, statistics, x, h0), has_aux=True)
        (loss, statistics), gradients = gradients_of(parameters)
        new = {name: update(spec.optimizer, parameters[name], gradients[name], moments[name], count) for name in parameters}
        return ({name: pair[0] for name, pair in new.items()}, statistics, {name: pair[1] for name, pair in new.items()}, count), loss

    train = jax.jit(train, donate_argnums=0)
    state = [(parameters, statistics, moments, jnp.float32(0))]

    def step():
        state[0], loss = jax.block_until_ready(train(state[0], x, h0))
        return loss

    return step


if __name__ == "__main__":
    serve(make_step(read_spec(sys.argv[1]), load_file(sys.argv[4]), load_file(sys.argv[5])))
