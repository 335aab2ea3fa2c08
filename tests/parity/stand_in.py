"""PyTorch as a stand-in for a trainer: `step`, `info` and `train --iterations 1` as in zoetrope's trainers. It tests the
comparison without the compiler: parity.py must pass it as it is, and fail it with each --fault.

    python parity.py --self-test
"""

import argparse
import os

import torch
from safetensors.torch import load_file, save_file

from reference import AutoEncoder, build_optimizer, loss_of
from specification import read_spec

# name: what goes wrong
FAULTS = {
    "": "nothing",
    "recon": "one pixel of the reconstruction is off by 2e-5",
    "loss": "the loss is off by 3e-5 of itself",
    "gradient": "the last gradient is off by 1e-3 of itself",
    "update": "the learning rate is 1e-3 too large",
    "statistics": "running_var is updated with the biased variance",
    "eval": "--eval normalises by the batch",
    "missing": "one gradient is not written",
    "dtype": "num_batches_tracked is a float",
    "fc2": "tensors that the spec does not use are dropped",
    "threads": "the last bit of the loss depends on the number of threads",
}


def run_step(spec, options):
    weights, batch = load_file(options.weights), load_file(options.batch)
    module = AutoEncoder(spec)
    module.load_state_dict({name: value for name, value in weights.items() if not name.startswith("fc2")})
    # in float64, so that it rounds otherwise than the oracle, and no worse; what is written is float32
    module = module.double().train(not options.eval or options.fault == "eval")
    optimizer = build_optimizer(spec, module.parameters())
    x, h0 = batch["x"].double(), batch["h0"].double() if "h0" in batch else None
    output = {}
    for step in range(1 if options.eval else options.steps):
        optimizer.zero_grad()
        reconstruction = module(x, h0)
        loss = loss_of(spec, reconstruction, x)
        if step == 0:
            output["recon"] = reconstruction.detach().clone().contiguous()
            output["loss"] = loss.detach().clone()
        if options.eval:
            break
        output[f"loss.{step}"] = loss.detach().clone()
        loss.backward()
        if step == 0:
            for name, parameter in module.named_parameters():
                output[f"grad.{name}"] = parameter.grad.clone().contiguous()
        optimizer.step()
    if not options.eval:
        output |= {f"param.{name}": value.detach().clone().contiguous() for name, value in module.state_dict().items()}
    output = {name: value if value.dtype == torch.int64 else value.float() for name, value in output.items()}
    return spoil(output, options)


def spoil(output, options):
    if options.eval:
        return output
    gradients = [name for name in output if name.startswith("grad.")]
    if options.fault == "recon":
        output["recon"].view(-1)[0] += 2e-5
    elif options.fault == "loss":
        output["loss"] *= 1 + 3e-5
        output["loss.0"] *= 1 + 3e-5
    elif options.fault == "gradient":
        output[gradients[-1]] *= 1.001
    elif options.fault == "missing":
        del output[gradients[0]]
    for name in [name for name in output if name.startswith("param.")]:
        if options.fault == "statistics" and name.endswith("running_var"):
            output[name] *= 0.99
        elif options.fault == "dtype" and name.endswith("num_batches_tracked"):
            output[name] = output[name].float()
        elif options.fault == "update" and "running" not in name and "tracked" not in name:
            output[name] += 6e-4 * torch.sign(output[name])
    if options.fault == "threads":
        output["loss"] *= 1 + options.threads * 1e-6
        output["loss.0"] = output["loss"].clone()
    return output


def run_train(spec, options):
    weights = load_file(options.init)
    module = AutoEncoder(spec)
    module.load_state_dict({name: value for name, value in weights.items() if not name.startswith("fc2")})
    optimizer = build_optimizer(spec, module.parameters())
    x = torch.rand(spec.clip_shape)
    loss_of(spec, module(x, torch.randn(spec.state_shape) if spec.gru else None), x).backward()
    optimizer.step()
    kept = {} if options.fault == "fc2" else {name: value for name, value in weights.items() if name.startswith("fc2")}
    os.makedirs(options.out, exist_ok=True)
    save_file(dict(module.state_dict()) | kept, os.path.join(options.out, "last.safetensors"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spec")
    parser.add_argument("command", choices=("step", "train", "info"))
    parser.add_argument("--fault", default=os.environ.get("STAND_IN_FAULT", ""), choices=FAULTS)
    for name in ("weights", "batch", "out", "init"):
        parser.add_argument("--" + name)
    for name in ("steps", "threads", "seed", "iterations"):
        parser.add_argument("--" + name, type=int, default=1)
    parser.add_argument("--eval", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    spec = read_spec(options.spec)
    if options.command == "train":
        run_train(spec, options)
    elif options.command == "step":
        save_file(run_step(spec, options), options.out)


if __name__ == "__main__":
    main()
