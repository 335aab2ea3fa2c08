"""Other ways to run a network, as programs that inference.py controls, with the protocol of inference_run.c.

    python inference_opponents.py KIND FILE SPEC THREADS

KIND and FILE: `pytorch` and `compile`, weights; `onnxruntime`, `openvino` and `openvino_bf16`, a folder with step.onnx and clip.onnx, which
`export` writes, and encoder.onnx beside them.
"""

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "parity"))


def pytorch(path, spec_path, threads, compiled=False):
    import torch
    from safetensors.torch import load_file

    from reference import AutoEncoder
    from specification import read_spec

    spec = read_spec(spec_path)
    torch.set_num_threads(threads)
    module = AutoEncoder(spec).eval()
    module.load_state_dict(load_file(path))
    run = torch.compile(module) if compiled else module
    batch, steps, channels, height, width = spec.clip_shape
    inputs = {}
    for name, length in (("step", 1), ("clip", steps)):
        x = torch.linspace(-1, 1, length * channels * height * width).view(1, length, channels, height, width)
        inputs[name] = (x, torch.zeros(spec.gru.layers, 1, spec.gru.hidden)) if spec.gru else (x,)

    def call(name):
        with torch.inference_mode():
            return run(*inputs[name])

    return call


def inputs_of(description):
    import numpy

    return {i.name: numpy.linspace(-1, 1, int(numpy.prod(i.shape)), dtype=numpy.float32).reshape(i.shape) for i in description}


def onnxruntime(folder, spec_path, threads):
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    sessions = {}

    def call(name):
        if name not in sessions:
            session = runtime.InferenceSession(os.path.join(folder, name + ".onnx"), options, providers=["CPUExecutionProvider"])
            sessions[name] = session, inputs_of(session.get_inputs())
        session, inputs = sessions[name]
        return session.run(None, inputs)

    return call


def openvino(folder, spec_path, threads, precision="f32"):
    import numpy
    import openvino as runtime

    core = runtime.Core()
    compiled = {}

    def call(name):
        if name not in compiled:
            network = core.compile_model(
                os.path.join(folder, name + ".onnx"),
                "CPU",
                {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision},
            )
            values = [
                numpy.linspace(-1, 1, int(numpy.prod(i.shape)), dtype=numpy.float32).reshape(tuple(i.shape)) for i in network.inputs
            ]
            compiled[name] = network.create_infer_request(), values
        request, values = compiled[name]
        return request.infer(values)

    return call


def export(weights, spec_path, folder):
    """step.onnx and clip.onnx: one clip of one frame, and of T, with the shapes that ours has; encoder.onnx: a frame to its latent."""
    import torch
    from safetensors.torch import load_file

    from reference import AutoEncoder
    from specification import read_spec

    spec = read_spec(spec_path)
    module = AutoEncoder(spec).eval()
    module.load_state_dict(load_file(weights))
    batch, steps, channels, height, width = spec.clip_shape
    for name, length in (("step", 1), ("clip", steps)):
        inputs = (torch.zeros(1, length, channels, height, width),)
        if spec.gru:
            inputs += (torch.zeros(spec.gru.layers, 1, spec.gru.hidden),)
        torch.onnx.export(module, inputs, os.path.join(folder, name + ".onnx"), dynamo=False)
    encoder = torch.nn.Sequential(module.encoder, torch.nn.Flatten(), *([module.fc1] if spec.latent else [])).eval()
    torch.onnx.export(encoder, (torch.zeros(1, channels, height, width),), os.path.join(folder, "encoder.onnx"), dynamo=False)


def main():
    kind, path, spec_path, threads = sys.argv[1:5]
    if kind == "export":
        export(path, spec_path, threads)
        return
    makers = {"pytorch": pytorch, "onnxruntime": onnxruntime, "openvino": openvino, "openvino_bf16": openvino}
    maker = makers.get(kind, pytorch)
    variant = {"compile": [True], "openvino_bf16": ["bf16"]}.get(kind, [])
    call = maker(path, spec_path, int(threads), *variant)
    call("step")
    print("first", kind, flush=True)
    call("clip")
    for line in sys.stdin:
        times = []
        for name in ("step", "clip"):
            begin = time.perf_counter()
            for _ in range(int(line)):
                call(name)
            times.append(1e3 * (time.perf_counter() - begin) / int(line))
        print(*times, flush=True)
    with open("/proc/self/status") as status:  # getrusage would count what the process was before exec, too
        print(next(line.split()[1] for line in status if line.startswith("VmHWM:")))


if __name__ == "__main__":
    main()
